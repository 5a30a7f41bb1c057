import assert from "node:assert/strict";
import { test } from "node:test";

import {
  familyTitles,
  folderOf,
  hue,
  initials,
  isEmbedding,
  obstacle,
  renamedText,
  sameness,
  twinsText,
} from "../../javascript/textual_inversion/words.mjs";

test("prompts that still use the old name are named", () => {
  const text = (positive, negative) => renamedText("cat", { positive, negative });
  assert.equal(text(false, false), "Renamed.");
  assert.equal(text(true, false), "Renamed. The prompt still uses the old name cat.");
  assert.equal(text(false, true), "Renamed. The negative prompt still uses the old name cat.");
  assert.equal(text(true, true), "Renamed. Both prompts still use the old name cat.");
});

test("initials are whole characters of the first two words, in any script", () => {
  const cases = {
    marc_allante: "MA",
    "bad-hands-5": "BH",
    城市夜景: "城",
    "👩‍🚀 crew": "👩‍🚀C",
    "c++": "C",
    "...": "·",
    éa: "É",
    "<img src=x>": "IS",
  };
  for (const [name, expected] of Object.entries(cases)) assert.equal(initials(name), expected, name);
});

test("a name has one hue, and others mostly have another", () => {
  assert.equal(hue("cat"), hue("cat"));
  const hues = new Set(Array.from({ length: 100 }, (_, number) => hue(`name ${number}`)));
  assert.ok(hues.size > 50);
});

test("an obstacle is what keeps the model from using an entry, the file's own first", () => {
  assert.equal(obstacle({ state: "ok", fit: "usable" }), undefined);
  assert.equal(obstacle({ state: "ok", fit: "unknown" }), undefined);
  assert.equal(obstacle({ state: "ok", fit: "incompatible" }), "Other model");
  assert.equal(obstacle({ state: "broken", fit: null }), "Broken file");
});

test("no model can use broken and foreign files", () => {
  const states = ["ok", "duplicate", "broken", "unsafe", "foreign"];
  assert.deepEqual(
    states.filter((state) => isEmbedding({ state })),
    ["ok", "duplicate"],
  );
});

test("families have the titles that the host gives, and unknown ones their keys", () => {
  const host = { families: [{ key: "sd1", title: "SD 1.x" }] };
  assert.deepEqual(familyTitles(host, ["sd9", "sd1"]), ["sd9", "SD 1.x"]);
});

test("a path has a folder, which may be the main one", () => {
  assert.equal(folderOf("a/b/cat.pt"), "a/b");
  assert.equal(folderOf("cat.pt"), "main folder");
});

test("a card counts the files that it stands for, and compares those with others of their own cards", () => {
  const of = (...isGrouped) => twinsText(isGrouped.map((is_grouped) => ({ id: "", path: "", same_bytes: !is_grouped, is_grouped })));
  assert.equal(of(), "");
  assert.equal(of(false), "same bytes");
  assert.equal(of(true, true, false), "3 files · different");
});

test("files of one name are the same where all of them are, and unknown where one was not compared", () => {
  const of = (...answers) => sameness(answers.map((same_bytes) => ({ id: "", path: "", same_bytes })));
  assert.equal(of(true, true), "same bytes");
  assert.equal(of(true, null, false), "different");
  assert.equal(of(true, null), "");
});
