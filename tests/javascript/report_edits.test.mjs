import assert from "node:assert/strict";
import { test } from "node:test";

import { convertForms, replaceWord } from "../../javascript/textual_inversion/report_edits.mjs";

/** Return a prompt after an edit. */
function after(prompt, { start, end, replacement }) {
  return prompt.slice(0, start) + replacement + prompt.slice(end);
}

/** Find a form in a prompt, as the server does. */
function form(prompt, text, replacement) {
  const start = prompt.indexOf(text);
  return { text, start, end: start + text.length, name: replacement, replacement, system: "ComfyUI" };
}

test("all forms become names in one edit, and what stands between stays", () => {
  const prompt = "😀 a (embedding:foo:1.2), $& and <bar>, end";
  const forms = [form(prompt, "embedding:foo", "foo"), form(prompt, "<bar>", "b\\(ar")];
  assert.equal(after(prompt, convertForms(prompt, forms)), "😀 a (foo:1.2), $& and b\\(ar, end");
});

test("a form that is not there any more is left alone", () => {
  const prompt = "embedding:foo, <bar>";
  const forms = [form(prompt, "embedding:foo", "foo"), form(prompt, "<bar>", "bar")];
  assert.equal(after("embedding:fox, <bar>", convertForms("embedding:fox, <bar>", forms)), "embedding:fox, bar");
  assert.equal(convertForms("a cat", forms), null);
  assert.equal(convertForms(prompt, []), null);
});

test("a word is replaced wherever it stands alone, in one edit", () => {
  const prompt = "(marc_alante:1.2), marc_alantes, Marc_Alante";
  assert.equal(
    after(prompt, replaceWord(prompt, "marc_alante", "marc_allante")),
    "(marc_allante:1.2), marc_alantes, marc_allante",
  );
});

test("a name is written so that the prompt reads it", () => {
  assert.equal(after("foo_bra", replaceWord("foo_bra", "foo_bra", "foo(bar)")), "foo\\(bar\\)");
});

test("a word that is gone changes nothing", () => {
  assert.equal(replaceWord("a cat", "marc_alante", "marc_allante"), null);
});
