import assert from "node:assert/strict";
import { test } from "node:test";

import { explainEmpty } from "../../../javascript/textual_inversion/tab/empty.mjs";
import { summary, VIEW } from "./summary.mjs";

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
