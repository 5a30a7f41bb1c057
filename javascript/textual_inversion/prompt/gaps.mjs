/**
 * Write a name at the caret, and know what separates neighbours in a prompt.
 */

import { endsInMark, escapeName, findName, runsOn, readPrompt, withName } from "./pieces.mjs";

/** @typedef {import("./pieces.mjs").Kind} Kind */
/** @typedef {import("./pieces.mjs").Piece} Piece */
/** @typedef {import("./pieces.mjs").Range} Range */
/** @typedef {import("./pieces.mjs").Reading & {separator?: string}} Options The separator of names is white
space or a comma. */

/**
 * The range that a name replaces, and the text on both sides of it.
 *
 * @typedef {{at: Range, lead: string, trail: string}} Place
 */

/**
 * How a name is separated from a neighbour: not at all, by a space, or by the separator.
 *
 * @typedef {"none" | "space" | "separator"} Bond
 */

/**
 * The white space and separators, maybe none, between two neighbours.
 *
 * @typedef {object} Gap
 * @property {number} start
 * @property {number} end
 * @property {Bond} left
 * @property {Bond} right
 * @property {boolean} isPhrase Whether white space alone joins both neighbours to one phrase.
 * @property {boolean} clingsLeft Whether its white space belongs to the neighbour on the left, which the host
 *   does not read as text, so that text before it would make no phrase with it.
 * @property {boolean} clingsRight The same on the right.
 */

const COMMA = ", ";
// Separates names without more text, and keeps both on one line.
const SEPARATORS = /^(?!$)[^\S\n]*[,，、]?[^\S\n]*$/;

/** @type {Partial<Record<Kind, Bond>>} */
const BONDS = { mark: "none", weight: "none", newline: "none", reserved: "space", comment: "space" };

/** Nothing can be written after these: a weight ends its group, a comment its line. */
const ENDS = new Set(["weight", "comment"]);

/** Kinds that the host reads as text; the others divide it, or are no text. */
const TEXT = new Set(["word", "open", "close"]);

/** @type {Record<Bond, string>} */
const LEADS_APART = { none: "", space: " ", separator: COMMA };

/** The strength that a text needs to make the bond. */
const STRENGTHS = { none: 0, space: 1, separator: 2 };

/**
 * Write a name at the caret, or in place of the selected words.
 *
 * @param {string} prompt
 * @param {Range} selection A range without length is the caret.
 * @param {string} name
 * @param {Options} [options]
 * @returns {{text: string, caret: number} & Range} The range is the name's; the caret is
 *   at its end.
 */
export function insertName(prompt, selection, name, { separator = COMMA, ...reading } = {}) {
  const { end: caret } = selection;
  if (!escapeName(name)) return { text: prompt, caret, start: caret, end: caret };
  const solids = neighbours(readPrompt(prompt, withName(name, reading)));
  const words = wholeWords(solids, selection);
  const place = words
    ? { at: words, lead: "", trail: "" }
    : placeAt(prompt, solids, caret, SEPARATORS.test(separator) ? separator : COMMA);
  const insertion = writeAt(prompt, solids, place, name);
  // With only white space between them, two names can read as a third.
  const isRead = findName(insertion.text, name, reading).some(({ end }) => end === insertion.end);
  return isRead ? insertion : writeAt(prompt, solids, placeApart(prompt, solids, caret), name);
}

/**
 * Return the pieces that can be a name's neighbours.
 *
 * @param {Piece[]} pieces
 */
export function neighbours(pieces) {
  return pieces.filter(({ kind }) => kind !== "space" && kind !== "separator");
}

/**
 * Return the gap between two neighbours; a missing one stands for an end of the field.
 *
 * @param {string} prompt
 * @param {Piece | undefined} before
 * @param {Piece | undefined} after
 * @returns {Gap}
 */
export function gapBetween(prompt, before, after) {
  return {
    start: before ? before.end : 0,
    end: after ? after.start : prompt.length,
    left: bond(before, "open", "{|"),
    right: bond(after, "close", "}|"),
    isPhrase: isText(before) && isText(after),
    clingsLeft: clings(before),
    clingsRight: clings(after),
  };
}

/**
 * Decide which text stays in a gap when the name between the two texts goes: the one that was there before the
 * name, unless the other separates the neighbours better.
 *
 * @param {Gap} gap
 * @param {string} left
 * @param {string} right
 * @returns {boolean} True if the left one stays.
 */
export function leftRemains(gap, left, right) {
  const isLeft = staysLeft(gap);
  const [own, other] = isLeft ? [left, right] : [right, left];
  const needed = STRENGTHS[isLeft ? gap.left : gap.right];
  return Math.min(strength(other), needed) > strength(own) ? !isLeft : isLeft;
}

/**
 * Rank the text between two neighbours: 2 for a separator, 1 for white space, 0 for nothing.
 *
 * @param {string} text
 */
export function strength(text) {
  return text.trim() ? 2 : Math.min(text.length, 1);
}

/**
 * Return the range of a selection, if it covers whole words and groups.
 *
 * @param {Piece[]} solids
 * @param {Range} selection
 * @returns {Range | undefined}
 */
function wholeWords(solids, { start, end }) {
  const inside = solids.filter((piece) => piece.end > start && piece.start < end);
  const [first, last] = [inside[0], inside[inside.length - 1]];
  if (!first || first.start < start || last.end > end) return undefined;
  const cutsGroup = inside.some(({ kind, mate = -1 }) => /open|close/.test(kind) && (mate < start || mate >= end));
  return cutsGroup ? undefined : { start: first.start, end: last.end };
}

/**
 * @param {string} prompt
 * @param {Piece[]} solids
 * @param {number} caret
 * @param {string} separator
 * @returns {Place}
 */
function placeAt(prompt, solids, caret, separator) {
  const { gap, at } = gapAt(prompt, solids, caret);
  const links = linksOf(gap, prompt.slice(gap.start, at), prompt.slice(at, gap.end), separator);
  return { at: { start: at, end: at }, ...links };
}

/**
 * Return the place at the caret, with commas on every side that has words.
 *
 * @param {string} prompt
 * @param {Piece[]} solids
 * @param {number} caret
 * @returns {Place}
 */
function placeApart(prompt, solids, caret) {
  const { gap, at } = gapAt(prompt, solids, caret);
  const before = prompt.slice(gap.start, at);
  const isBehindItem = strength(before) === 2;
  const start = isBehindItem ? at : gap.start;
  const { lead, trail } = linksOf(gap, isBehindItem ? before : COMMA, prompt.slice(start, gap.end), COMMA);
  return { at: { start, end: start }, lead: isBehindItem ? lead : LEADS_APART[gap.left], trail };
}

/**
 * Write a name, and a space after it if it ends in a mark and CLIP would read a comma as part of it.
 *
 * @param {string} prompt
 * @param {Piece[]} solids
 * @param {Place} place
 * @param {string} name
 */
function writeAt(prompt, solids, { at, lead, trail }, name) {
  const before = solids.findLast(({ end }) => end <= at.start);
  const isBehindMark = before?.isName && before.end === at.start && endsInMark(before.text);
  const head = prompt.slice(0, at.start) + (isBehindMark && /^\S/.test(lead) ? " " : "") + lead;
  const rest = trail + prompt.slice(at.end);
  const tail = runsOn(name, rest) ? ` ${rest}` : rest;
  const [start, end] = [head.length, head.length + escapeName(name).length];
  return { text: head + escapeName(name) + tail, caret: end, start, end };
}

/**
 * Return the gap that the caret means, and the offset in it: the gap around the caret, or the one after the
 * word around it. If nothing can be written after a piece, it is the gap before that piece.
 *
 * @param {string} prompt
 * @param {Piece[]} solids The neighbours of all gaps.
 * @param {number} caret
 * @returns {{gap: Gap, at: number}}
 */
function gapAt(prompt, solids, caret) {
  let right = solids.findIndex(({ end }) => end > caret);
  if (right < 0) right = solids.length;
  if (solids[right]?.start < caret && !ENDS.has(solids[right].kind)) right += 1;
  while (right > 0 && ENDS.has(solids[right - 1].kind)) right -= 1;
  const gap = gapBetween(prompt, solids[right - 1], solids[right]);
  const at = Math.min(Math.max(caret, gap.start), gap.end);
  // The space before BREAK belongs to BREAK, and does not mean that the phrase goes on.
  if (gap.clingsRight && at === gap.end && !prompt.slice(gap.start, at).trim()) return { gap, at: gap.start };
  if (gap.clingsLeft && at === gap.start && !prompt.slice(at, gap.end).trim()) return { gap, at: gap.end };
  return { gap, at };
}

/**
 * Return the text on both sides of a name, as a person would continue a phrase or a list here.
 *
 * @param {Gap} gap
 * @param {string} before The gap's text up to the name.
 * @param {string} after
 * @param {string} separator The text between names where there is none yet.
 * @returns {{lead: string, trail: string}}
 */
function linksOf(gap, before, after, separator) {
  const [own, other] = [strength(before), strength(after)];
  const link = Math.max(own, other) > strength(separator) ? COMMA : separator;
  // In a list, words with a space after them are an item of their own.
  const behindItem = own === 2 ? link.trimEnd() : "";
  const pad = /[.;!?]$/.test(before) ? " " : (link.match(/\s*$/)?.[0] ?? "");
  const asPhrase = gap.isPhrase && own + other === 1 ? " " : link;
  const leads = { none: "", space: before ? "" : " ", separator: [asPhrase, "", /\s$/.test(before) ? "" : pad][own] };
  const trails = { none: "", space: after ? "" : " ", separator: [asPhrase, behindItem, ""][other] };
  return { lead: leads[gap.left], trail: trails[gap.right] };
}

/**
 * Return whether the text between two neighbours goes to the left of a name between them.
 *
 * @param {Gap} gap
 */
function staysLeft({ left, right }) {
  return left === "none" || (left === "space" && right !== "none");
}

/**
 * @param {Piece | undefined} piece
 * @param {Kind} bracket The bracket that a name may touch on this side.
 * @param {string} marks The same for syntax that extensions read in text: `{a|b}`.
 * @returns {Bond}
 */
function bond(piece, bracket, marks) {
  if (!piece || piece.kind === bracket || marks.includes(piece.text)) return "none";
  return BONDS[piece.kind] ?? "separator";
}

/** @param {Piece | undefined} piece */
function isText(piece) {
  return piece !== undefined && TEXT.has(piece.kind);
}

/** @param {Piece | undefined} piece */
function clings(piece) {
  return piece !== undefined && !TEXT.has(piece.kind) && BONDS[piece.kind] !== "none";
}
