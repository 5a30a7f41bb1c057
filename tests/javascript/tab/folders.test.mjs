import assert from "node:assert/strict";
import { test } from "node:test";

import { visibleBranches } from "../../../javascript/textual_inversion/tab/folders.mjs";

const FOLDERS = [
  { id: "0:", title: "embeddings", depth: 0, count: 9 },
  { id: "0:a", title: "a", depth: 1, count: 5 },
  { id: "0:a/x", title: "x", depth: 2, count: 2 },
  { id: "0:a/x/y", title: "y", depth: 3, count: 1 },
  { id: "0:b", title: "b", depth: 1, count: 1 },
  { id: "1:", title: "more", depth: 0, count: 3 },
];

function shown(...opened) {
  return visibleBranches(FOLDERS, new Set(opened)).map(({ id }) => id);
}

test("folded roots hide everything below them", () => {
  assert.deepEqual(shown(), ["0:", "1:"]);
});

test("an open folder shows its children, and they theirs only when open too", () => {
  assert.deepEqual(shown("0:"), ["0:", "0:a", "0:b", "1:"]);
  assert.deepEqual(shown("0:", "0:a"), ["0:", "0:a", "0:a/x", "0:b", "1:"]);
  assert.deepEqual(
    shown("0:", "0:a", "0:a/x"),
    FOLDERS.map(({ id }) => id),
  );
});

test("an open folder inside a folded one stays hidden", () => {
  assert.deepEqual(shown("0:a", "0:a/x"), ["0:", "1:"]);
});

test("only folders with sub-folders can be open", () => {
  const branches = visibleBranches(FOLDERS, new Set(["0:", "0:b", "1:"]));
  assert.deepEqual(
    branches.map(({ hasChildren, isOpen }) => [hasChildren, isOpen]),
    [
      [true, true],
      [true, false],
      [false, false],
      [false, false],
    ],
  );
});
