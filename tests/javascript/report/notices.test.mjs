/**
 * The notices under a prompt. What the console says of the same reports is in the same table, which
 * tests/prompts/test_report.py describes.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { announcementOf, notChecked, noticesOf } from "../../../javascript/textual_inversion/report/notices.mjs";

const ROWS = JSON.parse(readFileSync(new URL("../../prompts/reports.json", import.meta.url), "utf-8"));
const NOTHING = { used: [], unavailable: [], near_misses: [], foreign_syntax: [], chunks: [] };

/** Return the notices of a report; the prompt holds the names "a" and "b", if nothing else is said. */
function noticesIn(report, around = {}) {
  return noticesOf({ ...NOTHING, ...report }, { prompt: "a, b", chunkTokens: 75, ...around });
}

/** Return the lines of a report, each with its kind, and with the buttons that are words. */
function linesOf(report, around) {
  return noticesIn(report, around).map(({ kind, name, text, buttons = [] }) => {
    const labels = buttons.filter(({ icon }) => !icon).map(({ label }) => ` [${label}]`);
    return `${kind}: ${name}${text}${labels.join("")}`;
  });
}

/** Return one embedding in use, as a report has it. */
function used(n_vectors, weights, name = "a", caveat = null) {
  return { id: "1", name, n_vectors, weights, caveat };
}

/** Return an embedding of another model. */
function unavailable(name, shadowed_by = null) {
  return { id: "1", name, reason: "made for SDXL", partial: false, shadowed_by };
}

for (const { title, prompt = "", report, provenance, page } of ROWS) {
  test(`the notices of ${title}`, () => assert.deepEqual(linesOf(report, { prompt, provenance }), page));
}

test("the meter leads, and says what it counts", () => {
  const chunks = [
    { tokens: 75, vectors: 8 },
    { tokens: 20, vectors: 0 },
  ];
  assert.equal(noticesIn({ chunks })[0].title, "Tokens in 2 chunks; 8 come from embeddings");
  assert.equal(noticesIn({ chunks: [chunks[0]] })[0].title, "Tokens; 8 come from embeddings");
});

test("what is used can be made weaker and stronger, and removed", () => {
  const [{ id, buttons }] = noticesIn({ used: [used(8, [1])] });
  assert.equal(id, "1");
  assert.deepEqual(
    buttons.map(({ does, name, change, label }) => [does, name, change, label]),
    [
      ["weigh", "a", -0.1, "Make a weaker"],
      ["weigh", "a", 0.1, "Make a stronger"],
      ["remove", "a", undefined, "Remove a from the prompt"],
    ],
  );
});

test("what a style of the host's has, or a longer word, cannot be changed in the field", () => {
  for (const prompt of ["b", "ab"]) assert.deepEqual(noticesIn({ used: [used(8, [1])] }, { prompt })[0].buttons, []);
  assert.deepEqual(noticesIn({ unavailable: [unavailable("c")] })[0].buttons, []);
});

test("what is not used says what helps", () => {
  const helps = (changes, prompt = "b") => {
    const [{ buttons }] = noticesIn({ unavailable: [{ ...unavailable("b"), ...changes }] }, { prompt });
    return buttons.map(({ does }) => does);
  };
  assert.deepEqual(helps({}), ["remove"]);
  assert.deepEqual(helps({ partial: true }), ["allow", "remove"]);
  assert.deepEqual(helps({ name: "c++" }, "c++, a dog"), ["part", "remove"]);
  assert.deepEqual(helps({ name: "c++" }, "c++ , a dog"), ["remove"]);
});

test("screen readers get no numbers", () => {
  const report = {
    ...NOTHING,
    used: [used(8, [1.2]), used(2, [1], "b")],
    unavailable: [unavailable("c")],
    near_misses: [{ text: "d", name: "e", id: "1" }],
    chunks: [{ tokens: 12, vectors: 10 }],
  };
  assert.equal(
    announcementOf(noticesIn(report)),
    "c is not used: made for SDXL. d: did you mean e? The prompt uses a and b.",
  );
  assert.equal(announcementOf([]), "");
});

test("a prompt without a report has a notice that says why", () => {
  assert.equal(notChecked("it is secret").text, "This prompt is not checked: it is secret");
});

test("what is not here can be looked for elsewhere, where somebody may", () => {
  const gone = { id: null, name: "gone", reason: "there is no such file", partial: false, shadowed_by: null };
  const provenance = { missing: [{ name: "a", hash: "0123456789ab" }], different: [] };
  const deeds = (around) =>
    noticesIn({ unavailable: [gone, unavailable("b")] }, { provenance, ...around })
      .flatMap(({ buttons = [] }) => buttons)
      .filter(({ does }) => does === "find");
  assert.deepEqual(deeds({ canFind: true }), [
    { does: "find", name: "gone", hash: null, label: "Find it" },
    { does: "find", name: "a", hash: "0123456789ab", label: "Find it" },
  ]);
  assert.deepEqual(deeds({}), []);
});
