import assert from "node:assert/strict";
import { test } from "node:test";

import { KnownNames } from "../../../javascript/textual_inversion/prompt/known_names.mjs";

const OPTIONS = { separator: ", ", isNegative: false };
const MEMBERS = [
  { name: "cat", weight: 1 },
  { name: "c++", weight: 1.2 },
  { name: "my dog", weight: -0.5 },
];

/**
 * Insert or remove all members, where a `|` marks the caret.
 *
 * @param {string} text
 * @param {boolean} isWanted
 */
function toggled(text, isWanted) {
  const names = new KnownNames();
  names.add(["cat", "c++", "my dog", "my dog house"]);
  const at = text.indexOf("|");
  const prompt = text.replace("|", "");
  const done = names.toggleEach(prompt, { start: at, end: at }, MEMBERS, isWanted, OPTIONS);
  const { start, end, replacement } = done.edit;
  assert.equal(prompt.slice(0, start) + replacement + prompt.slice(end), done.text);
  assert.equal(done.removed, !isWanted);
  return `${done.text.slice(0, done.selection.end)}|${done.text.slice(done.selection.end)}`;
}

for (const [before, after] of [
  ["|", "cat, (c++:1.2), (my dog:-0.5)|"],
  ["a photo|", "a photo, cat, (c++:1.2), (my dog:-0.5)|"],
  ["a photo of | in the rain", "a photo of cat (c++:1.2) (my dog:-0.5)| in the rain"],
  ["my dog house|", "my dog house, cat, (c++:1.2), (my dog:-0.5)|"],
]) {
  test(`several names in ${before}`, () => assert.equal(toggled(before, true), after));
}

for (const [before, after] of [
  ["a, cat, (c++:1.2), (my dog:-0.5)|", "a|"],
  ["(my dog:1.3), my dog house, c++|", "my dog house|"],
  ["nothing of it|", "nothing of it|"],
]) {
  test(`several names out of ${before}`, () => assert.equal(toggled(before, false), after));
}
