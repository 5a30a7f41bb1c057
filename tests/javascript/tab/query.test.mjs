import assert from "node:assert/strict";
import { test } from "node:test";

import {
  addressOf,
  countOf,
  readAddress,
  recall,
  remember,
  totalText,
  titleOf,
} from "../../../javascript/textual_inversion/tab/query.mjs";
import { summary, QUERY } from "./summary.mjs";

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
  const library = summary({ ok: 5, unknown: 5 }, { model: null });
  assert.equal(countOf("usable", library.counts), 5);
  assert.equal(titleOf("usable", library), "Embeddings");
  assert.equal(titleOf("usable", summary({})), "Usable");
});

test("without a model the total says how many embeddings are for which family", () => {
  const by_family = "5 for SD 1.x; choose a model to see what fits";
  const library = summary({ ok: 5, unknown: 5, broken: 1 }, { model: null, by_family, total: 5 });
  assert.equal(totalText(QUERY, library), `5 embeddings: ${by_family}`);
  assert.equal(totalText({ ...QUERY, text: "cat" }, library), "5 of 5 embeddings");
  assert.equal(totalText({ ...QUERY, filter: "all" }, library), "5 files");
});

test("the total is of all that the filter shows, where a search or a folder hides some", () => {
  const counts = { ok: 1200, usable: 1200, broken: 3 };
  assert.equal(totalText(QUERY, summary(counts, { total: 1200 })), "1,200 embeddings");
  assert.equal(totalText({ ...QUERY, text: "cat" }, summary(counts, { total: 1 })), "1 of 1,200 embeddings");
  assert.equal(
    totalText({ ...QUERY, filter: "all", folder: "0:a" }, summary(counts, { total: 7 })),
    "7 of 1,203 files",
  );
  const progress = { read: 1203, total: 10_000 };
  assert.equal(
    totalText(QUERY, summary(counts, { total: 1200, progress })),
    "1,200 embeddings, 1,203 of 10,000 read",
  );
});

const USUAL = { sort: "name", order: "asc", showsFolders: true, isList: false, veils: true, scale: 1 };

function storageWith(value) {
  return { getItem: () => value };
}

test("what was remembered is recalled", () => {
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
  const display = { sort: "date", order: "desc", showsFolders: false, isList: true, veils: false, scale: 1.4 };
  remember(display, storage);
  assert.deepEqual(recall(true, storage), display);
});

test("nothing, damage and choices of another version give the usual ones", () => {
  for (const value of [null, "", "{", "null", "3", '{"sort":"colour","order":7}', '{"sort":["name"],"scale":99}']) {
    assert.deepEqual(recall(true, storageWith(value)), USUAL, String(value));
  }
});

test("folders are shown where there is room, unless someone chose", () => {
  assert.equal(recall(false, storageWith(null)).showsFolders, false);
  assert.equal(recall(false, storageWith('{"showsFolders":true}')).showsFolders, true);
});

test("forbidden storage changes nothing but the memory", () => {
  const forbidden = () => {
    throw new DOMException("denied", "SecurityError");
  };
  assert.deepEqual(recall(true, { getItem: forbidden }), USUAL);
  assert.doesNotThrow(() => remember(USUAL, { setItem: forbidden }));
});

const FAMILIES = [{ key: "sdxl", title: "SDXL" }];

test("an address shows the same again, and keeps what is not ours", () => {
  const page = "http://localhost/?__theme=dark";
  for (const shown of [
    { filter: "usable", text: "", folder: "", family: "", sort: "name", order: "asc" },
    { filter: "all", text: "a b&c", folder: "0:styles/ink", family: "sdxl", sort: "date", order: "desc" },
    { filter: "broken", text: "", folder: "", family: "", sort: "name", order: "desc" },
    { filter: "usable", text: "", folder: "", family: "", sort: "size", order: "asc" },
  ]) {
    const address = addressOf(page, shown);
    const { query, display } = readAddress(address, USUAL, FAMILIES);
    assert.deepEqual({ ...query, sort: display.sort, order: display.order }, shown, address);
    assert.equal(new URL(address).searchParams.get("__theme"), "dark");
    assert.equal(addressOf(address, { ...QUERY, sort: "name", order: "asc" }), page);
  }
});

test("an address without a word of ours leaves what was chosen before", () => {
  const display = { ...USUAL, sort: "date", order: "desc" };
  for (const address of ["http://localhost/", "http://localhost/?filter=colour&sort=toString&order=up&family=sd9"]) {
    assert.deepEqual(readAddress(address, display, FAMILIES), { query: QUERY, display });
  }
});
