import assert from "node:assert/strict";
import { test } from "node:test";

import { recall, remember } from "../../javascript/textual_inversion/choices.mjs";

const USUAL = { sort: "name", order: "asc", showsFolders: true };

function storageWith(value) {
  return { getItem: () => value };
}

test("what was remembered is recalled", () => {
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
  const choices = { sort: "date", order: "desc", showsFolders: false };
  remember(choices, storage);
  assert.deepEqual(recall(true, storage), choices);
});

test("nothing, damage and choices of another version give the usual ones", () => {
  for (const value of [null, "", "{", "null", "3", '{"sort":"colour","order":7}', '{"sort":["name"]}']) {
    assert.deepEqual(recall(true, storageWith(value)), USUAL, String(value));
  }
});

test("folders are shown where there is room, unless someone chose", () => {
  assert.equal(recall(false, storageWith(null)).showsFolders, false);
  assert.equal(recall(false, storageWith('{"showsFolders":true}')).showsFolders, true);
});

test("forbidden storage changes nothing but the memory", () => {
  const forbidden = () => {
    throw new DOMException("denied", "SecurityError");
  };
  assert.deepEqual(recall(true, { getItem: forbidden }), USUAL);
  assert.doesNotThrow(() => remember(USUAL, { setItem: forbidden }));
});
