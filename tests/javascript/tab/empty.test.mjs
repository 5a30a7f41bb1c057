import assert from "node:assert/strict";
import { test } from "node:test";

import { explainEmpty } from "../../../javascript/textual_inversion/tab/empty.mjs";
import { summary, QUERY } from "./summary.mjs";

test("an empty library explains where files go", () => {
  const { title, hint, offers } = explainEmpty(QUERY, summary({}));
  assert.equal(title, "No embeddings yet");
  assert.match(hint, /into \/e\. They appear here without a reload/);
  assert.deepEqual(offers, []);
});

test("a folder that is not there is no empty one", () => {
  const { title, hint } = explainEmpty(QUERY, summary({}, { missing_roots: ["/e"] }));
  assert.equal(title, "The folder is missing");
  assert.equal(hint, "/e: create it, or connect its drive. Its files then appear here automatically.");
});

test("while the first scan runs, its progress is shown instead", () => {
  const progress = { read: 3120, total: 10_000 };
  for (const text of ["", "cat"]) {
    const { title, offers } = explainEmpty({ ...QUERY, text }, summary({}, { progress }));
    assert.equal(title, "Reading embeddings: 3,120 of 10,000");
    assert.deepEqual(offers, []);
  }
});

test("a library in which everything is hidden offers to show it", () => {
  const { title, offers } = explainEmpty(QUERY, summary({ hidden: 3 }));
  assert.equal(title, "Everything is hidden");
  assert.deepEqual(offers, [{ label: "Show hidden embeddings (3)", query: { filter: "hidden" } }]);
});

test("a library of files for other models counts them, and offers to show them", () => {
  const { title, hint, offers } = explainEmpty(QUERY, summary({ ok: 10, incompatible: 10, broken: 2 }));
  assert.equal(title, "No file works with SDXL");
  assert.equal(hint, "10 for other models, 2 broken or unsafe.");
  assert.deepEqual(
    offers.map(({ query }) => query),
    [{ filter: "incompatible" }, { filter: "all" }],
  );
});

test("one file of a kind is one", () => {
  const { hint } = explainEmpty(QUERY, summary({ duplicate: 1, foreign: 1, incompatible: 1, ok: 1 }));
  assert.equal(hint, "1 for another model, 1 duplicate, 1 not an embedding.");
});

test("a search without result can be widened and cleared", () => {
  const { title, offers } = explainEmpty({ ...QUERY, text: "zzz" }, summary({ ok: 3, usable: 3 }));
  assert.equal(title, "No results for “zzz”");
  assert.deepEqual(
    offers.map(({ query }) => query),
    [{ filter: "all", folder: "", family: "" }, { text: "" }],
  );
});

test("a search that finds only what the filter hides offers to show that", () => {
  const found = summary({ broken: 2 }).counts;
  const { offers } = explainEmpty({ ...QUERY, text: "zzz" }, summary({ ok: 3, broken: 2 }, { found }));
  assert.deepEqual(offers[0], { label: "Show the results under “All” (2)", query: { filter: "all" } });
});

test("a family without anything can be left", () => {
  const { title, hint, offers } = explainEmpty({ ...QUERY, family: "sdxl" }, summary({ ok: 3 }));
  assert.equal(title, "Nothing for this model");
  assert.equal(hint, "There are none in “Usable”.");
  assert.deepEqual(offers, [{ label: "Show embeddings for any model", query: { family: "" } }]);
});

test("a search of everything cannot be widened", () => {
  const { offers } = explainEmpty({ ...QUERY, filter: "all", text: "zzz" }, summary({ ok: 3 }));
  assert.deepEqual(offers, [{ label: "Clear the search", query: { text: "" } }]);
});

test("a folder that holds only other files offers to show those", () => {
  const folder = { id: "0:sdxl", title: "sdxl", depth: 1, count: 4 };
  const { title, hint, offers } = explainEmpty(
    { ...QUERY, folder: "0:sdxl" },
    summary({ ok: 4, usable: 0, partial: 4 }, { folder }),
  );
  assert.equal(title, "Nothing to show in sdxl");
  assert.equal(hint, "The folder has 4 files, but none under “Usable”.");
  assert.deepEqual(
    offers.map(({ query }) => query),
    [{ filter: "all" }, { folder: "" }],
  );
});

test("nobody is left alone in an empty filter", () => {
  for (const filter of ["partial", "broken", "foreign", "duplicate", "favourite", "incompatible"]) {
    const { offers } = explainEmpty({ ...QUERY, filter }, summary({ ok: 3, usable: 3 }));
    assert.equal(offers.length, 1, filter);
  }
});
