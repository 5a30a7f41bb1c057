import assert from "node:assert/strict";
import { test } from "node:test";

import { completeWord, setsFor, typedSet, typedWord } from "../../../javascript/textual_inversion/completion/typed_word.mjs";

/** Read a prompt whose caret is written as `‸`. */
function at(marked) {
  const caret = marked.indexOf("‸");
  return { prompt: marked.replace("‸", ""), caret };
}

/** Complete the word at the caret of a prompt. */
function completed(marked, insert) {
  const { prompt, caret } = at(marked);
  const { start, end, replacement } = completeWord(prompt, typedWord(prompt, caret), insert);
  return prompt.slice(0, start) + replacement + prompt.slice(end);
}

const TEXTS = {
  "ma‸": "ma",
  "a cat, ma‸": "ma",
  "a photo of ma‸": "a photo of ma",
  "(mar‸:1.2)": "mar",
  "[mar‸": "mar",
  "a|mar‸|b": "mar",
  "[a:mar‸:0.5]": "mar",
  "embedding:mar‸": "mar",
  "<mar‸": "mar",
  "<mar‸>": "mar",
  "first line\nmar‸\nthird": "mar",
  "foo \\(ba‸": "foo (ba",
  "c\\‸": undefined,
  "m‸": undefined,
  "‸": undefined,
  "a cat ‸": undefined,
  "a cat, ‸": undefined,
  "ma‸nual": undefined,
  "<lora:mar‸": undefined,
  "<lora:mar:0.‸": undefined,
  "<lora:mar:1> ma‸": "ma",
  "(cat:1.25‸": undefined,
  "(cat: 1.25‸)": undefined,
  "2000‸": "2000",
  "# ma‸": undefined,
  "a # b\nma‸": "ma",
  [`# ${"word ".repeat(100)} ma‸`]: undefined,
  [`<lora:${"word ".repeat(100)} ma‸`]: undefined,
  "日本‸": "日本",
  "😀‸": undefined,
};

for (const [marked, text] of Object.entries(TEXTS)) {
  test(`what has been typed in ${JSON.stringify(marked)}`, () => {
    const { prompt, caret } = at(marked);
    assert.equal(typedWord(prompt, caret)?.text, text);
  });
}

test("words that are longer than any name are not looked through", () => {
  const prompt = `${"word ".repeat(100_000)}ma`;
  assert.ok(typedWord(prompt, prompt.length).text.length <= 255);
});

const COMPLETED = [
  ["a ma‸, a dog", "marc_allante", "a marc_allante, a dog"],
  ["(ma‸:1.2)", "marc_allante", "(marc_allante:1.2)"],
  ["MA‸", "marc_allante", "marc_allante"],
  ["of all‸", "marc_allante", "of marc_allante"],
  ["photo of bad dr‸", "Bad Dream", "photo of Bad Dream"],
  ["bad photo dr‸", "bad dream", "bad photo bad dream"],
  ["embedding:mar‸, b", "marc_allante", "marc_allante, b"],
  ["a Embedding:mar‸", "marc_allante", "a marc_allante"],
  ["<mar‸", "marc_allante", "marc_allante"],
  ["embedding:a mar‸", "marc_allante", "embedding:a marc_allante"],
  ["foo \\(ba‸", "foo \\(bar\\)", "foo \\(bar\\)"],
  ["to c+‸", "c++", "to c++"],
  ["$& ma‸", "$&", "$& $&"],
  ["a dog, bad hands‸", "bad-hands-5", "a dog, bad-hands-5"],
  ["my badha‸", "bad-hands-5", "my bad-hands-5"],
  ["so bad_han‸", "bad-hands-5", "so bad-hands-5"],
  ["a -- bad‸", "bad-hands-5", "a -- bad-hands-5"],
];

for (const [marked, insert, wanted] of COMPLETED) {
  test(`${JSON.stringify(marked)} becomes ${JSON.stringify(wanted)}`, () => {
    assert.equal(completed(marked, insert), wanted);
  });
}

const SETS = {
  "set:‸": "set:",
  "a dog, set:my neg‸": "set:my neg",
  "(Set:x‸:1.2)": "Set:x",
  "a\nset:x‸\nb": "set:x",
  "reset:x‸": null,
  "set:x‸y": null,
  "set:x, a‸": null,
  "set‸": null,
};

for (const [marked, text] of Object.entries(SETS)) {
  test(`a set is typed in ${JSON.stringify(marked)}: ${text}`, () => {
    const { prompt, caret } = at(marked);
    const typed = typedSet(prompt, caret);
    assert.equal(typed?.text ?? null, text);
    if (typed) assert.equal(prompt.slice(typed.start, typed.end), text);
  });
}

test("sets are meant by their letters", () => {
  const sets = [{ name: "my negatives" }, { name: "Neg 2" }, { name: "style" }];
  assert.deepEqual(setsFor(sets, "set:NEG"), sets.slice(0, 2));
  assert.deepEqual(setsFor(sets, "set:my-n"), sets.slice(0, 1));
  assert.deepEqual(setsFor(sets, "set:"), sets);
});
