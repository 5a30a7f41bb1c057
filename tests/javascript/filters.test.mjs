import assert from "node:assert/strict";
import { test } from "node:test";

import { countOf, explainEmpty, sayTotal, titleOf } from "../../javascript/textual_inversion/filters.mjs";

const NONE = {
  ok: 0,
  duplicate: 0,
  broken: 0,
  unsafe: 0,
  foreign: 0,
  usable: 0,
  partial: 0,
  incompatible: 0,
  unknown: 0,
  favourite: 0,
};
const VIEW = /** @type {const} */ ({ filter: "usable", query: "", folder: "" });

function summary(counts, rest = {}) {
  return {
    generation: 1,
    model: "sdxl",
    model_title: "SDXL",
    roots: ["/e"],
    total: 0,
    folders: [],
    counts: { ...NONE, ...counts },
    ...rest,
  };
}

test("every file is counted by exactly one filter, besides those for favourites and for all", () => {
  const { counts } = summary({
    ok: 6,
    usable: 3,
    partial: 2,
    incompatible: 1,
    duplicate: 4,
    broken: 5,
    unsafe: 7,
    foreign: 8,
  });
  const parts = ["usable", "incompatible", "partial", "broken", "foreign", "duplicate"].map((key) =>
    countOf(key, counts),
  );
  assert.equal(
    parts.reduce((sum, count) => sum + count),
    countOf("all", counts),
  );
});

test("without a model all embeddings are in the first filter, which is called so", () => {
  const view = summary({ ok: 5, unknown: 5 }, { model: null });
  assert.equal(countOf("usable", view.counts), 5);
  assert.equal(titleOf("usable", view), "Embeddings");
  assert.equal(titleOf("usable", summary({})), "Usable");
});

test("an empty library says where files go", () => {
  const { title, hint, offers } = explainEmpty(VIEW, summary({}));
  assert.equal(title, "No embeddings yet");
  assert.match(hint, /into \/e\. They appear here by themselves/);
  assert.deepEqual(offers, []);
});

test("a folder of files for other models says so in numbers, and offers to show them", () => {
  const { title, hint, offers } = explainEmpty(VIEW, summary({ ok: 10, incompatible: 10, broken: 2 }));
  assert.equal(title, "None of 12 files can be used with SDXL");
  assert.equal(hint, "10 for other models, 2 broken or unsafe.");
  assert.deepEqual(
    offers.map(({ view }) => view),
    [{ filter: "incompatible" }, { filter: "all" }],
  );
});

test("a search without result can be widened and cleared", () => {
  const { title, offers } = explainEmpty({ ...VIEW, query: "zzz" }, summary({ ok: 3, usable: 3 }));
  assert.equal(title, "Nothing matches “zzz”");
  assert.deepEqual(
    offers.map(({ view }) => view),
    [{ filter: "all", folder: "" }, { query: "" }],
  );
});

test("a search of everything cannot be widened", () => {
  const { offers } = explainEmpty({ filter: "all", query: "zzz", folder: "" }, summary({ ok: 3 }));
  assert.deepEqual(offers, [{ label: "Clear search", view: { query: "" } }]);
});

test("a folder that holds only other files offers to show those", () => {
  const folders = [{ id: "0:sdxl", title: "sdxl", depth: 1, count: 4 }];
  const { title, hint, offers } = explainEmpty(
    { ...VIEW, folder: "0:sdxl" },
    summary({ ok: 4, usable: 0, partial: 4 }, { folders }),
  );
  assert.equal(title, "Nothing to show in sdxl");
  assert.equal(hint, "It has 4 files, none of them “Usable”.");
  assert.deepEqual(
    offers.map(({ view }) => view),
    [{ filter: "all" }, { folder: "" }],
  );
});

test("nobody is left alone in an empty filter", () => {
  for (const filter of ["partial", "broken", "foreign", "duplicate", "favourite", "incompatible"]) {
    const { offers } = explainEmpty({ ...VIEW, filter }, summary({ ok: 3, usable: 3 }));
    assert.equal(offers.length, 1, filter);
  }
});

test("the total is of all that the filter shows, where a search or a folder leaves some out", () => {
  const counts = { ok: 1200, usable: 1200, broken: 3 };
  assert.equal(sayTotal(VIEW, summary(counts, { total: 1200 })), "1,200 embeddings");
  assert.equal(sayTotal({ ...VIEW, query: "cat" }, summary(counts, { total: 1 })), "1 of 1,200 embeddings");
  assert.equal(sayTotal({ ...VIEW, filter: "all", folder: "0:a" }, summary(counts, { total: 7 })), "7 of 1,203 files");
});
