/**
 * Find the name of an embedding in a prompt, insert it, remove it, and write it in place of others.
 *
 * Pure string functions. Removing what was inserted gives the old prompt back byte for byte: the
 * text of the gap stays on one side of the name, and that side stays when the name goes. Only an
 * empty group that received the name goes with it, as every group does that holds nothing else.
 */

import { gapBetween, leftRemains, nearestGap, neighbours, staysLeft, strength } from "./gaps.mjs";
import { escapeName, foldName, readPrompt } from "./pieces.mjs";

export { escapeName };

/** @typedef {import("../api.mjs").ForeignSyntax} ForeignSyntax */
/** @typedef {{start: number, end: number}} Range */
/** @typedef {{start: number, end: number, replacement: string}} Edit */
/** @typedef {import("./pieces.mjs").Reading} Reading No edit cuts one of its names in two. */
/** @typedef {Reading & {separator?: string}} Options White space or a comma, to part the name from others. */

const COMMA = ", ";

// What parts names without more text, and keeps both on one line.
const SEPARATORS = /^(?!$)[^\S\n]*[,，、]?[^\S\n]*$/;

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
 * Write a name into the gap nearest to the caret, inside the caret's group.
 *
 * @param {string} prompt
 * @param {number} caret
 * @param {string} name
 * @param {Options} [options]
 * @returns {{text: string, caret: number} & Range} The range is the name's; the caret is
 *   at its end.
 */
export function insertName(prompt, caret, name, { separator = COMMA, ...reading } = {}) {
  const written = escapeName(name);
  if (!written) return { text: prompt, caret, start: caret, end: caret };
  const solids = neighbours(readPrompt(prompt, withName(name, reading)));
  /** @param {string} link */
  const partedBy = (link) => writeInto(prompt, nearestGap(prompt, solids, caret, link), written, link);
  const insertion = partedBy(SEPARATORS.test(separator) ? separator : COMMA);
  // Parted by white space alone, two names can read as a third.
  const isRead = findName(insertion.text, name, reading).some(({ end }) => end === insertion.end);
  return isRead ? insertion : partedBy(COMMA);
}

/**
 * Remove one occurrence, and every group that holds nothing else.
 *
 * @param {string} prompt
 * @param {Range} range One of those that `findName` returns.
 * @param {Reading} [reading] The commas of its names are no separators.
 * @returns {{text: string, caret: number}} The caret is where the name was.
 */
export function removeName(prompt, range, reading = {}) {
  const { start, end, before, after } = withGroups(prompt, range, reading);
  const gap = gapBetween(prompt, before, after);
  const isLeftKept = leftRemains(gap, prompt.slice(gap.start, start), prompt.slice(end, gap.end));
  const [from, to] = isLeftKept ? [start, gap.end] : [gap.start, end];
  return { text: prompt.slice(0, from) + prompt.slice(to), caret: from };
}

/**
 * Remove the occurrence that ends at the caret, else the last one, else insert the name.
 *
 * @param {string} prompt
 * @param {number} caret
 * @param {string} name
 * @param {Options} [options]
 * @returns {{text: string, caret: number, removed: boolean, edit: Edit}}
 */
export function toggleName(prompt, caret, name, options = {}) {
  const found = findName(prompt, name, options);
  const range = found.find(({ end }) => end === caret) ?? found[found.length - 1];
  const { text, caret: after } = range ? removeName(prompt, range, options) : insertName(prompt, caret, name, options);
  return { text, caret: after, removed: range !== undefined, edit: minimalEdit(prompt, text) };
}

/**
 * Write names as they are written here, where a prompt has the syntax of other programs.
 *
 * @param {string} prompt
 * @param {ForeignSyntax[]} found First to last.
 * @returns {Edit | null} Null where the prompt has none of them any more.
 */
export function convertSyntax(prompt, found) {
  return joinEdits(
    prompt,
    found.filter(({ start, end, text }) => prompt.slice(start, end) === text),
  );
}

/**
 * Replace a word by a name, wherever it is in a prompt.
 *
 * @param {string} prompt
 * @param {string} word
 * @param {string} name
 * @param {Reading} [reading]
 * @returns {Edit | null} Null where the word is not in the prompt any more.
 */
export function replaceWord(prompt, word, name, reading = {}) {
  const replacement = escapeName(name);
  return joinEdits(
    prompt,
    findName(prompt, word, reading).map((range) => ({ ...range, replacement })),
  );
}

/**
 * Return the shortest replacement that turns one text into another.
 *
 * A surrogate pair is replaced whole, since a browser cannot select half of it.
 *
 * @param {string} before
 * @param {string} after
 * @returns {Edit}
 */
export function minimalEdit(before, after) {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  if (isHighSurrogate(before, start - 1)) start -= 1;
  let tail = 0;
  while (tail < shorter - start && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const [end, afterEnd] = [before.length - tail, after.length - tail];
  const splitsPair = tail > 0 && (isHighSurrogate(before, end - 1) || isHighSurrogate(after, afterEnd - 1));
  const kept = splitsPair ? 1 : 0;
  return { start, end: end + kept, replacement: after.slice(start, afterEnd + kept) };
}

/**
 * @param {string} name
 * @param {Reading} reading
 * @returns {Reading} The same, with one more name.
 */
function withName(name, { names = [], isNegative }) {
  return { names: [name, ...names], isNegative };
}

/**
 * @param {string} text
 * @param {number} index
 */
function isHighSurrogate(text, index) {
  const unit = text.charCodeAt(index);
  return unit >= 0xd800 && unit < 0xdc00;
}

/**
 * @param {string} prompt
 * @param {import("./gaps.mjs").Gap} gap
 * @param {string} written The name, escaped.
 * @param {string} separator
 */
function writeInto(prompt, gap, written, separator) {
  const own = strength(prompt.slice(gap.start, gap.end));
  const links = { none: "", space: " ", separator: own > strength(separator) ? COMMA : separator };
  const at = staysLeft(gap) ? gap.end : gap.start;
  const [lead, trail] = staysLeft(gap) ? ["", links[gap.right]] : [links[gap.left], ""];
  const start = at + lead.length;
  const end = start + written.length;
  return {
    text: prompt.slice(0, at) + lead + written + trail + prompt.slice(at),
    caret: end,
    start,
    end,
  };
}

/**
 * Widen an occurrence to the groups that hold nothing else, and return its neighbours.
 *
 * @param {string} prompt
 * @param {Range} range
 * @param {Reading} reading
 */
function withGroups(prompt, { start, end }, reading) {
  const solids = neighbours(readPrompt(prompt, reading)).filter((piece) => piece.end <= start || piece.start >= end);
  let right = solids.findIndex((piece) => piece.start >= end);
  if (right < 0) right = solids.length;
  let left = right - 1;
  for (;;) {
    const gapText = prompt.slice(solids[left]?.end ?? 0, start);
    let [open, close] = [left, right];
    while (solids[open]?.kind === "mark") open -= 1;
    while (solids[close]?.kind === "mark" || solids[close]?.kind === "weight") close += 1;
    const mate = solids[open]?.mate;
    if (mate === undefined || mate !== solids[close]?.start || strength(gapText) > 1) break;
    start = solids[open].start;
    end = solids[close].end;
    [left, right] = [open - 1, close + 1];
  }
  return { start, end, before: solids[left], after: solids[right] };
}

/**
 * Return one edit that does what several do.
 *
 * @param {string} prompt
 * @param {Edit[]} edits First to last, none inside of another.
 * @returns {Edit | null}
 */
function joinEdits(prompt, edits) {
  if (!edits.length) return null;
  const { start } = edits[0];
  let [replacement, at] = ["", start];
  for (const edit of edits) {
    replacement += prompt.slice(at, edit.start) + edit.replacement;
    at = edit.end;
  }
  return { start, end: at, replacement };
}
