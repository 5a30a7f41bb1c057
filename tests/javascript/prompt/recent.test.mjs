import assert from "node:assert/strict";
import { test } from "node:test";

import { noteUsed, recentNames } from "../../../javascript/textual_inversion/prompt/recent.mjs";

/** A browser's storage, with something in it. */
function storageWith(content = null) {
  return {
    content,
    getItem() {
      return this.content;
    },
    setItem(_key, content) {
      this.content = content;
    },
  };
}

test("the last used names are the first, each once", () => {
  const storage = storageWith();
  assert.deepEqual(recentNames(storage), []);
  noteUsed(["a", "b"], storage);
  noteUsed(["c", "b"], storage);
  assert.deepEqual(recentNames(storage), ["c", "b", "a"]);
  noteUsed([], storage);
  assert.deepEqual(recentNames(storage), ["c", "b", "a"]);
});

test("few are remembered", () => {
  const storage = storageWith();
  for (let number = 0; number < 30; number += 1) noteUsed([`name ${number}`], storage);
  assert.equal(recentNames(storage).length, 10);
  assert.equal(recentNames(storage)[0], "name 29");
});

for (const content of ["{", "7", '{"0": "a"}', "[1, null]"])
  test(`what is no list of names is none: ${content}`, () => {
    const storage = storageWith(content);
    assert.deepEqual(recentNames(storage), []);
    noteUsed(["a"], storage);
    assert.deepEqual(recentNames(storage), ["a"]);
  });

test("without a storage nothing is remembered, and nothing fails", () => {
  const forbidden = {
    getItem() {
      throw new Error("forbidden");
    },
    setItem() {
      throw new Error("forbidden");
    },
  };
  noteUsed(["a"], forbidden);
  assert.deepEqual(recentNames(forbidden), []);
});
