/**
 * Every text of the page is a phrase, and `localizations/` has all phrases and no others.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { failed, phrase, phrases, sentenceCase, size } from "../../javascript/textual_inversion/phrases.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SCRIPTS = readdirSync(`${ROOT}javascript/textual_inversion`, { recursive: true })
  .filter((name) => String(name).endsWith(".mjs"))
  .map((name) => `${ROOT}javascript/textual_inversion/${name}`);
const ts = await import("../browser/node_modules/typescript/lib/typescript.js").then((module) => module.default).catch(() => null);
const skip = ts ? false : "needs TypeScript from npm, which is not here";

/** What stands in the code as texts of people do, and is none. */
const NO_TEXTS = new Set([
  ...["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "Page", "Home", "End", "Enter", "Escape", "Delete"],
  ...["Tab", "Shift", "Control", "Alt", "Meta", "Esc", "Ctrl+A"], // names of keys
  ...["TimeoutError", "Content-Type", "Files"], // names that browsers have
  ...["input, textarea, summary", "button, input, select", "img, video"], // selectors
  ...["bad hands", '"a phrase"', "icon edit", "0 auto auto 0"], // searches, classes, places
]);
/** Properties and attributes whose texts are for browsers. */
const FOR_BROWSERS = new Set(["class", "rel"]);

/**
 * Find the phrases of a script, and the texts that are none.
 *
 * @param {string} source
 * @param {Set<string>} found To which phrases are added.
 * @returns {string[]} Texts that nobody could translate.
 */
function read(source, found) {
  /** @type {string[]} */
  const others = [];
  const walk = (node) => {
    if (ts.isImportDeclaration(node)) return;
    const called = ts.isCallExpression(node) && node.expression.getText();
    if (called === "phrase" || called === "phrases") {
      const isEnglish = ({ kind }, at) => kind === ts.SyntaxKind.StringLiteral && at < 3;
      const texts = node.arguments.filter(isEnglish).map(({ text }) => text);
      assert.equal(texts.length, called === "phrase" ? 1 : 2, `${node.getText()} has no text that can be found`);
      for (const text of texts) found.add(text);
      for (const other of node.arguments) if (!texts.includes(other.text)) walk(other);
      return;
    }
    if (ts.isPropertyAssignment(node) && FOR_BROWSERS.has(node.name.text)) return;
    const isText = ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node);
    if (isText && isForPeople(node.text)) others.push(node.text);
    ts.forEachChild(node, walk);
  };
  ts.forEachChild(ts.createSourceFile("", source, ts.ScriptTarget.Latest, true), walk);
  return others;
}

/**
 * Return whether a text of the code is one that people read: it begins with a capital letter, or has words.
 *
 * @param {string} text
 */
function isForPeople(text) {
  return !NO_TEXTS.has(text) && (/^[A-Z][a-z]+\b/.test(text) || /^[^#.:[]*\b[a-z]+,? [a-z]{2,}/.test(text));
}

/** @param {string} text */
function namesIn(text) {
  return (text.match(/\{\w+\}/g) ?? []).sort();
}

/** @returns {Set<string>} */
function readAll() {
  const found = new Set();
  for (const script of SCRIPTS) read(readFileSync(script, "utf-8"), found);
  return found;
}

for (const file of readdirSync(`${ROOT}localizations`)) {
  test(`${file} has all phrases and no others, with the same names in braces`, { skip }, () => {
    const translations = JSON.parse(readFileSync(`${ROOT}localizations/${file}`, "utf-8"));
    assert.deepEqual(Object.keys(translations).sort(), Array.from(readAll()).sort());
    for (const [english, text] of Object.entries(translations)) assert.deepEqual(namesIn(text), namesIn(english), text);
  });
}

test("what people read is a phrase", { skip }, () => {
  const others = SCRIPTS.flatMap((script) => read(readFileSync(script, "utf-8"), new Set()));
  assert.deepEqual(others, []);
});

test("a text that is no phrase is found, and one that is is not", { skip }, () => {
  const found = new Set();
  const others = read('f(phrase("In it"), "not in it", `Take ${a} out`, "a.b c", { class: "of two" }, phrases(1, "one", "some"))', found);
  assert.deepEqual(others, ["not in it", "Take "]);
  assert.deepEqual(Array.from(found), ["In it", "one", "some"]);
});

const LANGUAGES = [
  [["de-AT", "en"], "Karte"],
  [["C", "fr", "zh-SG"], "卡片"],
  [["en-GB", "de"], "card"],
  [["zh-TW"], "card"],
  [[], "card"],
];

for (const [languages, word] of LANGUAGES) {
  test(`where no WebUI has a setting, people who read ${languages} get what is nearest`, async (context) => {
    Object.defineProperty(globalThis, "navigator", { value: { languages }, configurable: true });
    context.mock.method(globalThis, "fetch", async (address) => new Response(readFileSync(address)));
    const { phrase } = await import(`../../javascript/textual_inversion/phrases.mjs?${languages}`);
    assert.match(phrase("Show its card"), new RegExp(word));
  });
}

test("a WebUI's setting comes first", async () => {
  Object.defineProperty(globalThis, "navigator", { value: { languages: ["de"] }, configurable: true });
  globalThis.localization = { Search: "Zoek" };
  const { phrase } = await import("../../javascript/textual_inversion/phrases.mjs?webui");
  delete globalThis.localization;
  assert.deepEqual([phrase("Search"), phrase("Cancel")], ["Zoek", "Cancel"]);
});

test("a phrase has values in the place of names, and keeps the names that have none", () => {
  assert.equal(phrase("{a} and {b} of {c}", { a: "{b}", b: 2 }), "{b} and 2 of {c}");
});

test("counts are grouped, and one is one", () => {
  const text = (/** @type {number} */ count) => phrases(count, "{count} entry", "{count} entries");
  assert.deepEqual([0, 1, 12345].map(text), ["0 entries", "1 entry", "12,345 entries"]);
});

test("a failure says what was not done, and why", () => {
  assert.equal(failed("Not saved", new Error("the disk is full")), "Not saved: the disk is full");
});

test("sizes have three digits and a unit", () => {
  const sizes = [0, 999, 3819, 237300, 2.1e9, 5e13].map(size);
  assert.deepEqual(sizes, ["0 bytes", "999 bytes", "3.82 KB", "237 KB", "2.1 GB", "50,000 GB"]);
});

test("what was measured is written as the reader's language writes it", async () => {
  globalThis.localization = { "en-US": "de-DE" };
  const { measured, size } = await import("../../javascript/textual_inversion/phrases.mjs?measured");
  delete globalThis.localization;
  assert.deepEqual([size(6230), measured(-0.05123)], ["6,23 KB", "-0,0512"]);
});

test("a reason begins with a capital letter", () => {
  assert.equal(sentenceCase("this is a web page"), "This is a web page");
  assert.equal(sentenceCase("it's not read-only: wait"), "It's not read-only: wait");
  assert.equal(sentenceCase(""), "");
});

test("a file that a sentence begins with keeps its name", () => {
  const sentences = ["brand-new.safetensors cannot be moved", "a_b is taken", "styles/ink is missing"];
  assert.deepEqual(sentences.map(sentenceCase), sentences);
});
