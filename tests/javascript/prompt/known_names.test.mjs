import assert from "node:assert/strict";
import { test } from "node:test";

import { isUsed, KnownNames } from "../../../javascript/textual_inversion/prompt/known_names.mjs";
import { toggleName } from "../../../javascript/textual_inversion/prompt/edits.mjs";
import { escapeName, findName } from "../../../javascript/textual_inversion/prompt/pieces.mjs";
import { NASTY_NAMES } from "./nasty_names.mjs";
import { randomPrompt, seeded } from "./random_prompts.mjs";

/** @param {number} caret */
const caretAt = (caret) => ({ start: caret, end: caret });

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

test("no click cuts a longer known name in two", () => {
  const known = new KnownNames();
  known.add(["bad", "bad dream"]);
  assert.equal(known.toggle("bad dream", caretAt(0), "bad").text, "bad, bad dream");
  known.replace(["bad"]);
  assert.equal(known.toggle("bad dream", caretAt(0), "bad").text, "dream");
});

test("a name that would read as a longer one beside its neighbour is parted from it", () => {
  const known = new KnownNames();
  known.add(["bad", "dream", "bad dream"]);
  assert.equal(known.toggle("bad", caretAt(3), "dream", { separator: " " }).text, "bad, dream");
});

test("names that are gone protect nothing any more", () => {
  const known = new KnownNames();
  known.add(["cat", "cat food"]);
  assert.ok(!isUsed(known.usedIn("cat food"), "cat"));
  known.replace(["cat", "dog"]);
  assert.ok(isUsed(known.usedIn("cat food"), "cat"));
});

test("in random prompts no name is missed for reading with few of them only", () => {
  const random = seeded(20251122);
  const known = new KnownNames();
  known.add(NASTY_NAMES);
  const words = NASTY_NAMES.map(escapeName);
  for (let count = 0; count < 2000; count += 1) {
    const prompt = randomPrompt(random, words);
    const name = random.pick(NASTY_NAMES);
    const caret = caretAt(random.below(prompt.length + 1));
    const separator = random.pick([", ", " "]);
    const isThere = findName(prompt, name, { names: NASTY_NAMES }).length > 0;
    assert.equal(isUsed(known.usedIn(prompt), name), isThere, JSON.stringify({ prompt, name }));
    assert.deepEqual(
      known.toggle(prompt, caret, name, { separator }),
      toggleName(prompt, caret, name, { separator, names: NASTY_NAMES }),
      JSON.stringify({ prompt, name, caret, separator }),
    );
  }
});

test("a negative prompt has neither extra networks nor AND", () => {
  const known = new KnownNames();
  known.add(["cat", "rock and roll"]);
  const prompt = "<lora: cat :1>, rock AND roll";
  assert.deepEqual(
    [...known.usedIn(prompt)].filter((name) => name === "cat"),
    [],
  );
  const used = known.usedIn(prompt, { isNegative: true });
  assert.ok(isUsed(used, "cat") && isUsed(used, "rock and roll"));
});

test("of ten thousand names only those that can be in a prompt are read, also to change it", (context) => {
  const known = new KnownNames();
  known.add(Array.from({ length: 10_000 }, (_, number) => `embedding-${number}`));
  const prompt = "a photo of embedding-77, ".repeat(20);
  const { mock } = context.mock.method(String.prototype, "normalize"); // Each name that is read is folded.
  assert.ok(isUsed(known.usedIn(prompt), "embedding-77"));
  assert.equal(known.toggle(prompt, caretAt(0), "embedding-7").removed, false);
  assert.ok(mock.callCount() < 2000, `${mock.callCount()} texts folded`);
});
