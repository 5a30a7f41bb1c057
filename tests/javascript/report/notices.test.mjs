import assert from "node:assert/strict";
import { test } from "node:test";

import { announcementOf, notChecked, noticesOf } from "../../../javascript/textual_inversion/report/notices.mjs";

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

const CASES = [
  [
    "a prompt that is not all read",
    { unread: "only its beginning is checked" },
    ["warning: only its beginning is checked"],
  ],
  ["ordinary words", { chunks: [{ tokens: 7, vectors: 0 }] }, []],
  ["one use", { used: [used(1, [1])] }, ["used: a 1 vector"]],
  ["a weight", { used: [used(8, [1.2])] }, ["used: a 8 vectors, weight 1.2"]],
  ["a weight that was multiplied", { used: [used(8, [1.2100000000000002])] }, ["used: a 8 vectors, weight 1.21"]],
  ["uses alike", { used: [used(8, [1, 1])] }, ["used: a 8 vectors, used 2 times"]],
  ["no model", { used: [used(1, [1], "a", "choose one")] }, ["used: a 1 vector; choose one"]],
  ["several weights", { used: [used(8, [1, 1.5, 0.9])] }, ["used: a 8 vectors, used 3 times, weights 1, 1.5, and 0.9"]],
  ["one that another model needs", { unavailable: [unavailable("b")] }, ["warning: b is not used: made for SDXL"]],
  [
    "a shorter name in its place, which comes first",
    { unavailable: [unavailable("c"), unavailable("b-2000", "b-200")] },
    ["warning: b-2000 is not used: made for SDXL; b-200 is used instead", "warning: c is not used: made for SDXL"],
  ],
  [
    "one longer than a chunk",
    { used: [used(80, [1])] },
    ["warning: a has 80 vectors, which do not fit into a chunk of 75 tokens", "used: a 80 vectors"],
  ],
  [
    "a near miss",
    { near_misses: [{ text: "marc_alante", name: "marc_allante", id: "1" }] },
    ["suggestion: marc_alante: did you mean [marc_allante?]"],
  ],
  [
    "foreign syntax",
    { foreign_syntax: [{ text: "embedding:a", start: 0, end: 11, name: "a", replacement: "a" }] },
    ["suggestion: embedding:a → a [Convert]"],
  ],
  [
    "several pieces of foreign syntax, one of them twice",
    {
      foreign_syntax: [
        { text: "embedding:a", start: 0, end: 11, name: "a", replacement: "a" },
        { text: "<b>", start: 12, end: 15, name: "b", replacement: "b" },
        { text: "<b>", start: 16, end: 19, name: "b", replacement: "b" },
      ],
    },
    ["suggestion: embedding:a → a, <b> → b [Convert all 2]"],
  ],
  ["one chunk", { chunks: [{ tokens: 12, vectors: 8 }] }, ["meter: 12 of 75"]],
  [
    "several chunks",
    {
      chunks: [
        { tokens: 75, vectors: 8 },
        { tokens: 20, vectors: 0 },
      ],
    },
    ["meter: 95 of 150"],
  ],
];

for (const [title, report, wanted] of CASES) {
  test(`the notices of ${title}`, () => assert.deepEqual(linesOf(report), wanted));
}

test("the meter leads, and says what it counts", () => {
  const chunks = [
    { tokens: 75, vectors: 8 },
    { tokens: 20, vectors: 0 },
  ];
  assert.equal(noticesIn({ chunks })[0].title, "Tokens in 2 chunks; 8 are of embeddings");
  assert.equal(noticesIn({ chunks: [chunks[0]] })[0].title, "Tokens; 8 are of embeddings");
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

test("problems come first", () => {
  const kinds = linesOf({
    used: [used(8, [1])],
    unavailable: [unavailable("b")],
    near_misses: [{ text: "c", name: "d", id: "1" }],
    chunks: [{ tokens: 12, vectors: 8 }],
  }).map((notice) => notice.split(":")[0]);
  assert.deepEqual(kinds, ["meter", "warning", "suggestion", "used"]);
});

test("embeddings of a pasted infotext that differ are named", () => {
  const provenance = {
    missing: [{ name: "a", hash: "0123456789ab" }],
    different: [{ name: "b", hash: "0123456789ab", found: "ba9876543210" }],
    renamed: [{ name: "c", now: "d" }],
  };
  assert.deepEqual(linesOf({}, { provenance }), [
    "warning: a was used for the picture (hash 0123456789ab), but your library does not have it",
    "warning: b in your library (hash ba9876543210) is not the file that the picture used (hash 0123456789ab)",
    "warning: c was used for the picture, and is named d in your library",
  ]);
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
