import assert from "node:assert/strict";
import { test } from "node:test";

import { matchesIn } from "../../../javascript/textual_inversion/cards/text.mjs";

/** Name, query, and the name with its matches in brackets. */
const CASES = [
  ["bad-hands-5", "", "bad-hands-5"],
  ["bad-hands-5", "hands", "bad-[hands]-5"],
  ["bad-hands-5", "HANDS bad", "[bad]-[hands]-5"],
  ["bad-hands-5", "badhands", "[bad-hands]-5"],
  ["bad-hands-5", "bad_hands", "[bad-hands]-5"],
  ["bad-hands-5", "-bad hands", "bad-[hands]-5"],
  ["bad dream", '"bad dream"', "[bad dream]"],
  ["bad dream", '"bad dr', "[bad dr]eam"],
  ["vectors", "8 vectors", "vectors"],
  ["vectors", "vectors", "[vectors]"],
  ["abcabc", "ab bc", "[abcabc]"],
  ["aXaXa", "x", "a[X]a[X]a"],
  ["Ärger", "ä", "[Ä]rger"],
  ["İstanbul", "istanbul", "İstanbul"],
  ["a.b.c.d", "abc", "[a.b.c].d"],
  ["a.b", "ab", "a.b"],
  ["𝒜-bcd", "bcd", "𝒜-[bcd]"],
  ["c++", '"', "c++"],
];

for (const [name, query, wanted] of CASES) {
  test(`${JSON.stringify(query)} is found in ${name}`, () => {
    let [text, at] = ["", 0];
    for (const { start, end } of matchesIn(name, query)) {
      text += `${name.slice(at, start)}[${name.slice(start, end)}]`;
      at = end;
    }
    assert.equal(text + name.slice(at), wanted);
  });
}
