import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { matchesIn } from "../../../javascript/textual_inversion/cards/text.mjs";

/** Name, query, and the name with its matches in brackets; tests/views/test_catalogue.py reads them too. */
const CASES = JSON.parse(readFileSync(new URL("../../data/search_cases.json", import.meta.url), "utf-8"));

/** Some letters have no small form of one length. */
const NEVER = [["İstanbul", "istanbul", "İstanbul"]];

for (const [name, query, wanted] of [...CASES, ...NEVER]) {
  test(`${JSON.stringify(query)} is found in ${name}`, () => {
    let [text, at] = ["", 0];
    for (const { start, end } of matchesIn(name, query)) {
      text += `${name.slice(at, start)}[${name.slice(start, end)}]`;
      at = end;
    }
    assert.equal(text + name.slice(at), wanted);
  });
}
