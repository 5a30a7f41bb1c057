import assert from "node:assert/strict";
import { test } from "node:test";

import { noticesOf, spoken } from "../../../javascript/textual_inversion/report/notices.mjs";

const NOTHING = { used: [], unusable: [], shadowed: [], lookalikes: [], forms: [], chunks: [] };

/** Say all notices of a report, each with its kind. */
function said(report, provenance) {
  return noticesOf({ ...NOTHING, ...report }, provenance).map(
    ({ kind, name, text, button }) => `${kind}: ${name}${text}${button ? ` [${button.label}]` : ""}`,
  );
}

/** What a report tells of one embedding in use. */
function used(n_vectors, weights, name = "a") {
  return { id: "1", name, n_vectors, weights };
}

const CASES = [
  ["ordinary words", { chunks: [{ tokens: 7, vectors: 0 }] }, []],
  ["one use", { used: [used(1, [1])] }, ["used: a 1 vector"]],
  ["a weight", { used: [used(8, [1.2])] }, ["used: a 8 vectors, at 1.2"]],
  ["a weight that was multiplied", { used: [used(8, [1.2100000000000002])] }, ["used: a 8 vectors, at 1.21"]],
  ["uses alike", { used: [used(8, [1, 1])] }, ["used: a 8 vectors, 2 times"]],
  ["several weights", { used: [used(8, [1, 1.5, 0.9])] }, ["used: a 8 vectors, 3 times, at 1, 1.5, and 0.9"]],
  [
    "one that another model needs",
    { unusable: [{ id: "1", name: "b", reason: "made for SDXL" }] },
    ["warning: b is not used: made for SDXL"],
  ],
  [
    "a shorter name in its place",
    { shadowed: [{ id: "1", name: "b-2000", reason: "made for SDXL", instead: "b-200" }] },
    ["warning: b-2000 is not used: made for SDXL; b-200 is used instead"],
  ],
  [
    "one longer than a chunk",
    { used: [used(80, [1])] },
    ["warning: a has 80 vectors and does not fit into a chunk of 75 tokens", "used: a 80 vectors"],
  ],
  [
    "a near miss",
    { lookalikes: [{ text: "marc_alante", name: "marc_allante", id: "1" }] },
    ["offer: marc_alante: did you mean [marc_allante?]"],
  ],
  [
    "another system's form",
    { forms: [{ text: "embedding:a", start: 0, end: 11, name: "a", replacement: "a" }] },
    ["offer: embedding:a → a [Convert]"],
  ],
  [
    "several forms, one of them twice",
    {
      forms: [
        { text: "embedding:a", start: 0, end: 11, name: "a", replacement: "a" },
        { text: "<b>", start: 12, end: 15, name: "b", replacement: "b" },
        { text: "<b>", start: 16, end: 19, name: "b", replacement: "b" },
      ],
    },
    ["offer: embedding:a → a, <b> → b [Convert all 2]"],
  ],
  ["one chunk", { chunks: [{ tokens: 12, vectors: 8 }] }, ["meter: Embeddings take 8 of 75 tokens"]],
  [
    "several chunks",
    {
      chunks: [
        { tokens: 75, vectors: 8 },
        { tokens: 20, vectors: 0 },
      ],
    },
    ["meter: Embeddings take 8 and 0 of each chunk's 75 tokens"],
  ],
];

for (const [title, report, wanted] of CASES) {
  test(`what is said of ${title}`, () => assert.deepEqual(said(report), wanted));
}

test("what is wrong comes first, and what is well last", () => {
  const kinds = said({
    used: [used(8, [1])],
    unusable: [{ id: "1", name: "b", reason: "made for SDXL" }],
    lookalikes: [{ text: "c", name: "d", id: "1" }],
    chunks: [{ tokens: 12, vectors: 8 }],
  }).map((notice) => notice.split(":")[0]);
  assert.deepEqual(kinds, ["warning", "offer", "used", "meter"]);
});

test("embeddings of a pasted infotext that are not these are told", () => {
  const provenance = {
    missing: [{ name: "a", hash: "0123456789ab" }],
    different: [{ name: "b", hash: "0123456789ab", found: "ba9876543210" }],
    renamed: [{ name: "c", now: "d" }],
  };
  assert.deepEqual(said({}, provenance), [
    "warning: a (0123456789ab), which the picture used, is not here",
    "warning: b is another file here (ba9876543210) than the picture used (0123456789ab)",
    "warning: c, which the picture used, is called d here",
  ]);
});

test("what is read aloud leaves numbers out", () => {
  const report = {
    ...NOTHING,
    used: [used(8, [1.2]), used(2, [1], "b")],
    unusable: [{ id: "1", name: "c", reason: "made for SDXL" }],
    lookalikes: [{ text: "d", name: "e", id: "1" }],
    chunks: [{ tokens: 12, vectors: 10 }],
  };
  assert.equal(spoken(noticesOf(report)), "c is not used: made for SDXL. d: did you mean e? Uses a and b.");
  assert.equal(spoken([]), "");
});
