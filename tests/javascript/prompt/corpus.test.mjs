/**
 * The table of prompts that the Python parser reads too; tests/prompts/test_prompt_corpus.py
 * describes it.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { findName, readPrompt } from "../../../javascript/textual_inversion/prompt/pieces.mjs";

const CORPUS = JSON.parse(readFileSync(new URL("../../prompts/corpus.json", import.meta.url), "utf-8"));
const TEXT = new Set(["word", "space", "separator", "newline"]);

/**
 * Return what weighs the text in each group: nothing does in one that changes with the steps.
 *
 * @param {string} prompt
 * @param {Piece[]} pieces
 */
function groupsOf(prompt, pieces) {
  const opens = pieces.filter(({ kind }) => kind === "open");
  const marks = pieces.filter(({ kind }) => kind === "mark");
  const divided = marks.map((mark) => opens.findLast(({ start, mate = 0 }) => start < mark.start && mark.end <= mate));
  return opens.map((open) => {
    const end = open.mate ?? endOfPart(prompt, pieces, open.start);
    const weight = pieces.find((piece) => piece.kind === "weight" && piece.end === open.mate);
    const isSquare = prompt[open.start] === "[";
    if (isSquare) return { start: open.start, end, factor: weight || divided.includes(open) ? 1 : 1 / 1.1 };
    const number = weight ? Number(prompt.slice(weight.start + 1, weight.end)) : NaN;
    return { start: open.start, end, factor: Number.isNaN(number) ? 1.1 : number };
  });
}

/**
 * @param {string} prompt
 * @param {Piece[]} pieces
 * @param {number} offset
 */
function endOfPart(prompt, pieces, offset) {
  const and = pieces.find(({ start, end }) => start > offset && prompt.slice(start, end) === "AND");
  return and?.start ?? prompt.length;
}

/**
 * Return the text that is read, as the table has it.
 *
 * @param {string} prompt
 * @param {boolean} isNegative
 */
function textsOf(prompt, isNegative) {
  const pieces = readPrompt(prompt, { isNegative });
  const groups = groupsOf(prompt, pieces);
  const spans = [];
  for (const { kind, start, end } of pieces) {
    if (TEXT.has(kind) && spans.at(-1)?.end === start) spans.at(-1).end = end;
    else if (TEXT.has(kind)) spans.push({ start, end });
  }
  return spans.map((span) => rowOf(prompt, span, groups)).filter(([text]) => text);
}

function rowOf(prompt, span, groups) {
  const raw = prompt.slice(span.start, span.end);
  const start = span.start + raw.length - raw.trimStart().length;
  const end = start + raw.trim().length;
  const around = groups.filter((group) => group.start < start && end <= group.end);
  const weight = around.reduce((product, { factor }) => product * factor, 1);
  return [raw.trim().replace(/\\([()[\]\\]?)/g, "$1"), start, end, Number(weight.toFixed(4))];
}

for (const [title, rows] of Object.entries(CORPUS.prompts)) {
  describe(title, () => {
    for (const { prompt, is_negative: isNegative = false, pieces, names, inside = [] } of rows) {
      test(`what is read of ${JSON.stringify(prompt)}`, () => {
        assert.deepEqual(textsOf(prompt, isNegative), pieces);
      });

      test(`which names are in ${JSON.stringify(prompt)}`, () => {
        const reading = { names: CORPUS.names, isNegative };
        const found = CORPUS.names.flatMap((name) =>
          findName(prompt, name, reading).map(({ start, end }) => [name, start, end]),
        );
        assert.deepEqual(
          found.sort((a, b) => a[1] - b[1]),
          names,
        );
        for (const name of inside) assert.ok(!found.some(([other]) => other === name));
      });
    }
  });
}
