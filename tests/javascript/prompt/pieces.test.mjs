import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { canBeWritten, escapeName, findName } from "../../../javascript/textual_inversion/prompt/pieces.mjs";

/** Names, and how they are written in prompts; the server writes completions in the same way. */
const ESCAPED = JSON.parse(readFileSync(new URL("../../data/escaped_names.json", import.meta.url), "utf-8"));

for (const [name, written] of Object.entries(ESCAPED)) {
  test(`${JSON.stringify(name)} is written ${JSON.stringify(written)}`, () => {
    assert.equal(escapeName(name), written);
  });
}

/**
 * Return the prompt's own text at each place where the name is found.
 *
 * @param {string} prompt
 * @param {string} name
 * @param {string[]} [names]
 */
const spellings = (prompt, name, names) =>
  findName(prompt, name, { names }).map(({ start, end }) => prompt.slice(start, end));

describe("the text of a name", () => {
  const rows = [
    ["name", "name"],
    ["foo(1)", "foo\\(1\\)"],
    ["name[v2]", "name\\[v2\\]"],
    ["back\\slash", "back\\\\slash"],
    [" two  spaces ", "two spaces"],
    ["a|b", "a\\|b"],
    ["x:y", "x\\:y"],
    ["x:1.2", "x\\:\\1.2"],
    ["<lora:bad:1>", "<lora\\:bad\\:\\1>"],
    ["<tok>, c++", "<tok>, c++"],
    ["rock AND roll", "rock and roll"],
    ["BREAKdance, BREAK", "BREAKdance, break"],
  ];
  for (const [name, written] of rows) {
    test(`of ${name} is ${written}`, () => assert.equal(escapeName(name), written));
  }
});

test("a name with a # cannot be written: a comment would begin there", () => {
  assert.ok(!canBeWritten("c#"));
  assert.deepEqual(findName("c#", "c#"), []);
  assert.ok(canBeWritten("c++"));
});

describe("a name is found", () => {
  const rows = [
    ["x name,y", ["name"]],
    ["name.", ["name"]],
    ["name?!", ["name"]],
    ["(name)", ["name"]],
    ["(name:1.2)", ["name"]],
    ["((name))", ["name"]],
    ["[name]", ["name"]],
    ["name BREAK", ["name"]],
    ["BREAK name", ["name"]],
    ["[a:name:0.5]", ["name"]],
    ["[name:0.5]", ["name"]],
    ["[name::0.5]", ["name"]],
    ["[a|name]", ["name"]],
    ["name AND b", ["name"]],
    ["(name:1.2 )", ["name"]],
    ["[name:(b:c):0.5]", ["name"]],
    ["(a [b, name:1.2)", ["name"]],
    ["name:0.5 AND b", ["name"]],
    ["a\nname\nb", ["name"]],
    ["a\tname\tb", ["name"]],
    ["name", ["name"]],
    ["name)", ["name"]],
    ["(name", ["name"]],
    ["NAME, Name", ["NAME", "Name"]],
    ["name<lora:x:1>", ["name"]],
    ["你好，name，世界", ["name"]],
    ["n\\ame", ["n\\ame"]],
  ];
  for (const [prompt, found] of rows) {
    test(`whole in ${JSON.stringify(prompt)}`, () => assert.deepEqual(spellings(String(prompt), "name"), found));
  }

  test("in its escaped spelling, and in the plain one where both read alike", () => {
    assert.deepEqual(spellings("smile :), smile :\\)", "smile :)"), ["smile :)", "smile :\\)"]);
    assert.deepEqual(spellings("a|b, [a|b], a\\|b", "a|b"), ["a|b", "a|b", "a\\|b"]);
    assert.deepEqual(spellings("x:y, [x:y:0.5], [x:y]", "x:y"), ["x:y", "x:y"]);
    assert.deepEqual(spellings("[a:b:c:0.5]", "a:b:c:0.5"), ["a:b:c:0.5"]);
    assert.deepEqual(spellings("<a:>", "<a:>"), ["<a:>"]);
  });

  test("when its brackets would weigh the text instead only if they are escaped", () => {
    assert.deepEqual(spellings("foo(1), foo\\(1\\)", "foo(1)"), ["foo\\(1\\)"]);
  });

  test("with any white space between its words, but not across two lines", () => {
    assert.deepEqual(spellings("bad  dream, bad\tdream, bad\ndream", "bad dream"), ["bad  dream", "bad\tdream"]);
  });

  test("in capital and in small letters, also in Greek", () => {
    assert.deepEqual(spellings("ΟΔΟΣ, οδοσ, οδος", "Οδος"), ["ΟΔΟΣ", "οδοσ", "οδος"]);
  });

  test("whether an accent is one character or two", () => {
    assert.equal(findName("e\u0301toile, \u00e9toile", "\u00c9toile").length, 2);
  });
});

describe("a name is not found", () => {
  const rows = [
    ["bad", "bad-hands-5"],
    ["bad", "_bad"],
    ["cat", "a catalog"],
    ["bad", "<lora:bad:1>"],
    ["emb_1", "emb_1.5"],
    ["foo", "foo\\(1\\)"],
    ["c", "c++"],
    ["x", "x:y"],
    ["a.b", "axb"],
    ["1.2", "(x:1.2)"],
    ["0.5", "[x:0.5]"],
    ["AND", "a AND b"],
    ["rock and roll", "rock AND roll"],
    ["a:b", "[a:b:0.5]"],
    ["a|b", "[a|b]"],
    ["name", "a # name"],
    ["", "a, b"],
  ];
  for (const [name, prompt] of rows) {
    test(`${JSON.stringify(name)} in ${JSON.stringify(prompt)}`, () => assert.deepEqual(findName(prompt, name), []));
  }

  test("as a part of a longer known name that is there", () => {
    assert.deepEqual(findName("bad dream, bad", "bad", { names: ["bad dream"] }), [{ start: 11, end: 14 }]);
    assert.deepEqual(findName("a bad dream", "dream", { names: ["bad dream"] }), []);
  });

  test("behind a name that the host reads first and that overlaps it", () => {
    assert.deepEqual(findName("bad dream catcher", "dream catcher", { names: ["bad dream"] }), []);
  });
});
