/**
 * Cut a prompt into pieces: words, the text between them, and the parts of the grammar.
 */

import { findSyntax, matchEnd } from "./syntax.mjs";

/**
 * `space` is white space within a line.
 *
 * @typedef {import("./syntax.mjs").SyntaxKind | "word" | "space" | "separator" | "newline"} Kind
 */

/**
 * @typedef {object} Reading How to read a prompt.
 * @property {Iterable<string>} [names] The known names, each of which is one word.
 * @property {boolean} [isNegative] Whether it is a negative prompt.
 */

/** @typedef {{start: number, end: number}} Range */

/**
 * @typedef {object} Piece
 * @property {Kind} kind
 * @property {number} start
 * @property {number} end
 * @property {string} text The text that the host reads, folded; `NO_TEXT` if it reads none.
 * @property {number} [mate] Where the bracket that pairs with this one starts.
 * @property {boolean} [isName] Whether it is a known name.
 */

// No file name contains it, so no name is ever found across it.
const NO_TEXT = "\0";

const STOPS = ".;!?";
const RESERVED = /(?<![\p{L}\p{N}_])(?:AND|BREAK)(?![\p{L}\p{N}_])/gu;
const ESCAPE = /\\([()[\]\\:|])|\\/g;
const WORD = /(?:\\[()[\]\\:|]|[^\s,，、()[\]{}|])+/y;

/** @type {ReadonlyArray<[Kind, RegExp]>} */
const PLAIN = [
  ["space", /[^\S\n]+/y],
  ["newline", /\n/y],
  ["separator", /[,，、]/y],
  ["word", /[()[\]{}|]/y],
];

/**
 * Return the text to write so that the host reads exactly this name.
 *
 * The host drops a backslash before any character, so one also keeps a colon from turning the number after it
 * into a weight. It ignores letter case in names, so AND and BREAK are written in lower case, in which they are
 * words.
 *
 * @param {string} name
 */
export function escapeName(name) {
  return name
    .replace(/[ \t\r\n]+/g, " ")
    .replace(/^ | $/g, "")
    .replace(/[()[\]\\:|]/g, "\\$&")
    .replace(/:(?=[-+.\p{Nd}\s])/gu, ":\\")
    .replace(RESERVED, (word) => word.toLowerCase());
}

/**
 * Return the form in which all spellings of one name are equal.
 *
 * @param {string} name
 */
export function foldName(name) {
  return fold(name.trim().replace(/\s+/g, " "));
}

/**
 * Return the letters and digits of a name, folded: people mix up gaps and marks.
 *
 * @param {string} name
 */
export function bareName(name) {
  return fold(name).replace(/[^\p{L}\p{N}]+/gu, "");
}

/**
 * Return whether CLIP reads a comma right after a name as part of it: after `x_`, `excl!`.
 *
 * @param {string} name
 */
export function endsInMark(name) {
  return !/[\p{L}\p{N}]$/u.test(name.trimEnd());
}

/**
 * Return whether CLIP reads the first mark after a name as part of it.
 *
 * @param {string} name
 * @param {string} after
 */
export function runsOn(name, after) {
  return endsInMark(name) && /^[^\s\p{L}\p{N}()[\]{}|:<>\\]/u.test(after);
}

/**
 * Return whether a prompt can contain a name: a # begins a comment there, and nothing escapes it.
 *
 * @param {string} name
 */
export function canBeWritten(name) {
  return !name.includes("#");
}

/**
 * Cut a prompt into pieces that cover it, first to last, each known name in one piece.
 *
 * @param {string} prompt
 * @param {Reading} [reading]
 * @returns {Piece[]}
 */
export function readPrompt(prompt, { names = [], isNegative = false } = {}) {
  return joinNames([...cut(prompt, isNegative)], longestFirst(names));
}

/**
 * Return every whole occurrence of a name, first to last.
 *
 * The prompt is read as the host reads it: from the left, the longest known name first.
 *
 * @param {string} prompt
 * @param {string} name
 * @param {Reading} [reading] Its names may contain this one.
 * @returns {Range[]}
 */
export function findName(prompt, name, reading = {}) {
  const wanted = foldName(name);
  return readPrompt(prompt, withName(name, reading))
    .filter(({ text }) => text === wanted)
    .map(({ start, end }) => ({ start, end }));
}

/**
 * Return a reading with one more name.
 *
 * @param {string} name
 * @param {Reading} reading
 * @returns {Reading}
 */
export function withName(name, { names = [], isNegative }) {
  return { names: [name, ...names], isNegative };
}

/** @param {string} text */
function fold(text) {
  // Sigma has two lower-case forms; which one comes out depends on the letters around it.
  return text.normalize("NFC").toLowerCase().replaceAll("ς", "σ");
}

/**
 * @param {string} prompt
 * @param {boolean} isNegative
 * @returns {Generator<Piece, void>}
 */
function* cut(prompt, isNegative) {
  let at = 0;
  for (const [start, found] of findSyntax(prompt, isNegative)) {
    if (start < at) continue; // An extra network inside a weight.
    yield* cutText(prompt.slice(at, start), at);
    yield { start, text: NO_TEXT, ...found };
    at = found.end;
  }
  yield* cutText(prompt.slice(at), at);
}

/**
 * Cut text without syntax into words and the text between them.
 *
 * @param {string} text
 * @param {number} offset Where it is in the prompt.
 * @returns {Generator<Piece, void>}
 */
function* cutText(text, offset) {
  for (let start = 0; start < text.length;) {
    for (const piece of piecesAt(text, start)) {
      start = piece.end;
      yield { ...piece, start: piece.start + offset, end: piece.end + offset };
    }
  }
}

/**
 * @param {string} text
 * @param {number} start
 * @returns {Iterable<Piece>}
 */
function piecesAt(text, start) {
  for (const [kind, pattern] of PLAIN) {
    const end = matchEnd(pattern, text, start);
    if (end) return [textPiece(kind, text, start, end)];
  }
  return wordAndStops(text, start, matchEnd(WORD, text, start));
}

/**
 * Yield a word, then the full stops and the like that end it: `name.` contains `name`, while `v1.5` is one
 * word.
 *
 * @param {string} text
 * @param {number} start
 * @param {number} end
 * @returns {Generator<Piece, void>}
 */
function* wordAndStops(text, start, end) {
  let stem = end;
  while (stem > start && STOPS.includes(text[stem - 1])) stem -= 1;
  if (stem === start) stem = end;
  yield textPiece("word", text, start, stem);
  for (let stop = stem; stop < end; stop += 1) yield textPiece("separator", text, stop, stop + 1);
}

/**
 * @param {Kind} kind
 * @param {string} text
 * @param {number} start
 * @param {number} end
 * @returns {Piece}
 */
function textPiece(kind, text, start, end) {
  if (kind === "space") return { kind, start, end, text: " " };
  const unescaped = text.slice(start, end).replace(ESCAPE, "$1");
  return { kind, start, end, text: fold(unescaped) || NO_TEXT };
}

/**
 * Join the pieces of each known name into one word, reading from the left as the host does.
 *
 * @param {Piece[]} pieces
 * @param {Map<string, string[]>} names From `longestFirst`.
 * @returns {Piece[]}
 */
function joinNames(pieces, names) {
  const text = pieces.map((piece) => piece.text).join("");
  const piecesUpTo = countPieces(pieces, text.length);
  /** @type {Piece[]} */
  const joined = [];
  let offset = 0;
  for (let index = 0; index < pieces.length;) {
    const name = names
      .get(text[offset])
      ?.find((folded) => text.startsWith(folded, offset) && piecesUpTo[offset + folded.length]);
    offset += (name ?? pieces[index].text).length;
    const next = piecesUpTo[offset];
    const { start } = pieces[index];
    joined.push(name ? { kind: "word", start, end: pieces[next - 1].end, text: name, isName: true } : pieces[index]);
    index = next;
  }
  return joined;
}

/**
 * Count the pieces that end at or before each offset of their joined text; 0 inside a piece.
 *
 * @param {Piece[]} pieces
 * @param {number} length
 */
function countPieces(pieces, length) {
  const counts = new Uint32Array(length + 1);
  let offset = 0;
  for (const [index, { text }] of pieces.entries()) {
    offset += text.length;
    counts[offset] = index + 1;
  }
  return counts;
}

/**
 * Return folded names by their first code unit, so that only a few are tried at each piece.
 *
 * @param {Iterable<string>} names
 */
function longestFirst(names) {
  /** @type {Map<string, string[]>} */
  const byFirst = new Map();
  for (const name of Array.from(names, foldName).sort((a, b) => b.length - a.length)) {
    if (!byFirst.get(name[0])?.push(name)) byFirst.set(name[0], [name]);
  }
  return byFirst;
}
