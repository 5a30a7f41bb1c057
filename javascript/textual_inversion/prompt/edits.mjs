/**
 * Insert the name of an embedding into a prompt, remove it, or put it in place of other text.
 *
 * Pure string functions, and a memory of insertions: after a typed name is removed, the prompt is tidy; after a
 * name that was inserted here, it is the old prompt, byte for byte.
 */

import { gapBetween, insertName, leftRemains, neighbours, strength } from "./gaps.mjs";
import { escapeName, findName, runsOn, readPrompt, withName } from "./pieces.mjs";

/** @typedef {import("../answers.mjs").ForeignSyntax} ForeignSyntax */
/** @typedef {import("./pieces.mjs").Piece} Piece */
/** @typedef {import("./pieces.mjs").Range} Range */
/** @typedef {{start: number, end: number, replacement: string}} Edit */
/** @typedef {import("./pieces.mjs").Reading} Reading No edit cuts any of its names in two. */
/** @typedef {import("./gaps.mjs").Options} Options */

/**
 * Remove one occurrence, and every group that contains nothing else.
 *
 * @param {string} prompt
 * @param {Range} range One of those that `findName` returns.
 * @param {Reading} [reading] Commas in its names are not separators.
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
 * Remove every occurrence.
 *
 * @param {string} prompt
 * @param {string} name
 * @param {Reading} [reading]
 */
export function removeEach(prompt, name, reading = {}) {
  let text = prompt;
  for (let range; (range = findName(text, name, reading)[0]);) text = removeName(text, range, reading).text;
  return text;
}

/**
 * @typedef {object} Toggled
 * @property {string} text
 * @property {Range} selection Where to leave the caret, or the range to select again.
 * @property {boolean} removed
 * @property {Edit} edit
 */

/**
 * Remove the occurrence that ends at the caret, else the last one, else insert the name.
 *
 * @param {string} prompt
 * @param {Range} selection
 * @param {string} name
 * @param {Options} [options]
 * @returns {Toggled}
 */
export function toggleName(prompt, selection, name, options = {}) {
  const found = findName(prompt, name, options);
  const range = found.find(({ end }) => end === selection.end) ?? found[found.length - 1];
  const { text, caret } = range
    ? removeName(prompt, range, options)
    : insertName(prompt, selection, name, options);
  const removed = range !== undefined;
  return { text, selection: { start: caret, end: caret }, removed, edit: minimalEdit(prompt, text) };
}

/** The insertions into one prompt, so that they can go without a trace while nothing else has changed. */
export class History {
  /** @type {{name: string, before: string, selection: Range, after: string}[]} Each continues the last. */
  #done = [];

  /**
   * Take a name back if it was the last insertion here; else toggle it, and remember that.
   *
   * @param {string} prompt
   * @param {Range} selection
   * @param {string} name
   * @param {() => Toggled} toggle
   * @returns {Toggled}
   */
  toggle(prompt, selection, name, toggle) {
    const old = this.takeBack(prompt, name);
    if (old) return { ...old, removed: true, edit: minimalEdit(prompt, old.text) };
    const toggled = toggle();
    if (this.#done.at(-1)?.after !== prompt) this.#done = [];
    if (!toggled.removed) this.#done.push({ name, before: prompt, selection, after: toggled.text });
    return toggled;
  }

  /**
   * Return the prompt before a name, if that was the last insertion and nothing else has changed since.
   *
   * @param {string} prompt
   * @param {string} name
   * @returns {{text: string, selection: Range} | undefined}
   */
  takeBack(prompt, name) {
    const last = this.#done.findLastIndex((done) => done.name === name && done.after === prompt);
    if (last < 0) return undefined;
    const { before: text, selection } = this.#done[last];
    this.#done.length = last;
    return { text, selection };
  }
}

/**
 * Replace other programs' syntax in a prompt by the names as they are written here.
 *
 * @param {string} prompt
 * @param {ForeignSyntax[]} found First to last.
 * @returns {Edit | null} Null if the prompt no longer has any of them.
 */
export function convertSyntax(prompt, found) {
  return joinEdits(
    prompt,
    found.filter(({ start, end, text }) => prompt.slice(start, end) === text),
  );
}

/**
 * Replace a word by a name everywhere in a prompt.
 *
 * @param {string} prompt
 * @param {string} word
 * @param {string} name
 * @param {Reading} [reading]
 * @returns {Edit | null} Null if the word is no longer in the prompt.
 */
export function replaceWord(prompt, word, name, reading = {}) {
  const replacement = escapeName(name);
  return joinEdits(
    prompt,
    findName(prompt, word, reading).map((range) => ({ ...range, replacement })),
  );
}

/**
 * Make a name stronger or weaker everywhere in a prompt.
 *
 * @param {string} prompt
 * @param {string} name
 * @param {number} change Of its weight.
 * @param {Reading} [reading]
 * @returns {Edit | null} Null if the prompt does not have it.
 */
export function weighName(prompt, name, change, reading = {}) {
  const solids = neighbours(readPrompt(prompt, withName(name, reading)));
  return joinEdits(
    prompt,
    findName(prompt, name, reading).map((range) => {
      const word = prompt.slice(range.start, range.end);
      const { start, end, weight } = weightOf(prompt, solids, range);
      const weighs = Number((weight + change).toFixed(2));
      const isBare = weighs === 1 && canStandBare(word, prompt.slice(0, start), prompt.slice(end));
      return { start, end, replacement: isBare ? word : `(${word}:${weighs})` };
    }),
  );
}

/**
 * Write a space after a name that ends in a mark, where another mark touches it.
 *
 * @param {string} prompt
 * @param {string} name
 * @param {Reading} [reading]
 * @returns {Edit | null} Null if no mark does.
 */
export function partName(prompt, name, reading = {}) {
  const runningOn = findName(prompt, name, reading).filter(({ end }) => runsOn(name, prompt.slice(end)));
  return joinEdits(
    prompt,
    runningOn.map(({ end }) => ({ start: end, end, replacement: " " })),
  );
}

/**
 * Return a selection as it is after an edit elsewhere.
 *
 * @param {Range} selection
 * @param {Edit} edit
 * @returns {Range}
 */
export function selectionAfter(selection, { start, end, replacement }) {
  const moved = (/** @type {number} */ at) => (at <= start ? at : Math.max(at - end, 0) + start + replacement.length);
  return { start: moved(selection.start), end: moved(selection.end) };
}

/**
 * Return the shortest replacement that turns one text into another.
 *
 * A surrogate pair is replaced as a whole, since a browser cannot select half of it.
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
 * @param {string} text
 * @param {number} index
 */
function isHighSurrogate(text, index) {
  const unit = text.charCodeAt(index);
  return unit >= 0xd800 && unit < 0xdc00;
}

/**
 * Widen an occurrence to the groups that contain nothing else, and return its neighbours.
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
 * Return the round brackets that contain only an occurrence, and its weight in them.
 *
 * @param {string} prompt
 * @param {Piece[]} solids
 * @param {Range} range
 * @returns {Range & {weight: number}} Without brackets, the occurrence itself with the weight 1.
 */
function weightOf(prompt, solids, { start, end }) {
  const open = solids.findLast((piece) => piece.end <= start);
  const [next, last] = solids.filter((piece) => piece.start >= end);
  const close = next?.kind === "weight" ? last : next;
  const weight = next === close ? 1.1 : Number(prompt.slice(next.start + 1, next.end));
  const inside = prompt.slice(open?.end, start) + prompt.slice(end, next?.start);
  const isAlone = prompt[open?.start ?? -1] === "(" && open?.mate === close?.start && strength(inside) < 2;
  return isAlone && close && open && Number.isFinite(weight)
    ? { start: open.start, end: close.end, weight }
    : { start, end, weight: 1 };
}

/**
 * Return whether a name is also read without its brackets.
 *
 * @param {string} name
 * @param {string} before
 * @param {string} after
 */
function canStandBare(name, before, after) {
  const isApart = /(^|[\s,，、()[\]{}|:])$/.test(before) && /^($|[\s,，、.;!?()[\]{}|:])/.test(after);
  return isApart && !runsOn(name, after);
}

/**
 * Return one edit that does what several do.
 *
 * @param {string} prompt
 * @param {Edit[]} edits First to last, none inside another.
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
