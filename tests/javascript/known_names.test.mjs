import assert from "node:assert/strict";
import { test } from "node:test";

import { isUsed, KnownNames } from "../../javascript/textual_inversion/known_names.mjs";
import { escapeName } from "../../javascript/textual_inversion/prompt.mjs";

function used(prompt, ...names) {
  const known = new KnownNames();
  known.add(names);
  const found = known.usedIn(prompt);
  return names.filter((name) => isUsed(found, name));
}

test("names are found as whole words, whatever their case and weight", () => {
  assert.deepEqual(used("a photo of CAT, (dog:1.2), [bird]", "cat", "dog", "bird", "fish"), ["cat", "dog", "bird"]);
});

test("a name that is part of a longer known one is not used", () => {
  assert.deepEqual(used("whatever-2000", "whatever-200", "whatever-2000"), ["whatever-2000"]);
  assert.deepEqual(used("a catalog", "cat"), []);
});

test("names of signs are found as they are written", () => {
  const names = ["foo(1)", "c++", "a:b", "x\\y", "two words", "name[v2", "城市", "a|b", "<img src=x>"];
  for (const name of names) assert.deepEqual(used(`first, ${escapeName(name)}, last`, name), [name], name);
});

test("nothing is used of an empty prompt, or where no name is known", () => {
  assert.deepEqual(used("", "cat"), []);
  assert.deepEqual(used("cat"), []);
});

test("ten thousand names are looked for in a few milliseconds", () => {
  const known = new KnownNames();
  known.add(Array.from({ length: 10_000 }, (_, number) => `embedding-${number}`));
  const prompt = "a photo of embedding-77, ".repeat(20);
  known.usedIn(prompt);
  const begin = performance.now();
  assert.ok(isUsed(known.usedIn(prompt), "embedding-77"));
  assert.ok(performance.now() - begin < 50);
});
