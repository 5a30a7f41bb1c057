/**
 * Find the word that someone is typing in a prompt, and replace it by a name.
 *
 * Pure string functions.
 */

import { bareName } from "../prompt/pieces.mjs";
import { findSyntax } from "../prompt/syntax.mjs";

/** @typedef {import("../prompt/edits.mjs").Edit} Edit */

/**
 * @typedef {object} TypedWord
 * @property {string} text The typed text up to the caret: the word, and those before it.
 * @property {number} start Where the first of these words begins.
 * @property {number} wordStart Where the last one begins.
 * @property {number} end Where the caret is.
 */

/** The fewest characters of a word for which names are offered. */
const LEAST = 2;
/** How far back a name may begin: no system has longer file names. */
const FURTHEST = 255;

const WORDS = /(?:\\[^]|[^\n,，、()[\]|:<>\\])*$/;
const WORD = /(?:\\[^]|[^\s\\])+$/;
const WORD_GOES_ON = /^[^\s,，、()[\]|:<>]/;
const SET = /(?<![^\s,，、()[\]|])set:[^\n,，、()[\]|:<>\\]*$/i;
const FOREIGN_PREFIX = /(?:embedding:|<)$/i;
const NUMBER = /^[-+]?[\d.]+$/;

/**
 * Return the word that ends at the caret, or null if there is nothing to complete.
 *
 * @param {string} prompt
 * @param {number} caret
 * @returns {TypedWord | null}
 */
export function typedWord(prompt, caret) {
  const before = prompt.slice(Math.max(0, caret - FURTHEST), caret);
  const piece = before.match(WORDS)?.[0] ?? "";
  const words = piece.trimStart();
  const word = words.match(WORD)?.[0] ?? "";
  if ([...word].length < LEAST || WORD_GOES_ON.test(prompt.slice(caret))) return null;
  if (isNoText(prompt.slice(0, caret))) return null;
  // After a colon, a number is a weight.
  if (NUMBER.test(words) && prompt[caret - piece.length - 1] === ":") return null;
  return { text: unescaped(words), start: caret - words.length, wordStart: caret - word.length, end: caret };
}

/**
 * Return whether a prompt ends in a comment, or in an extra network that is still open.
 *
 * @param {string} prompt
 */
function isNoText(prompt) {
  const parts = Array.from(findSyntax(`${prompt}>`, false).values());
  return parts.some(({ kind, end }) => (kind === "comment" || kind === "network") && end > prompt.length);
}

/**
 * Return the typed part of a set's name, including `set:`, or null if no set is meant.
 *
 * @param {string} prompt
 * @param {number} caret
 * @returns {TypedWord | null}
 */
export function typedSet(prompt, caret) {
  const text = prompt.slice(Math.max(0, caret - FURTHEST), caret).match(SET)?.[0];
  if (text === undefined || WORD_GOES_ON.test(prompt.slice(caret))) return null;
  return { text, start: caret - text.length, wordStart: caret - text.length, end: caret };
}

/**
 * Return the sets that a typed text may mean, without regard to gaps and marks in their names.
 *
 * @template {{name: string}} Set
 * @param {Set[]} sets
 * @param {string} text From `typedSet`.
 */
export function setsFor(sets, text) {
  return sets.filter(({ name }) => bareName(name).includes(bareName(text.slice(text.indexOf(":") + 1))));
}

/**
 * Replace the typed part of a name by the name.
 *
 * That may be more than the last word, as names have spaces, and it includes other programs' syntax before a
 * name.
 *
 * @param {string} prompt
 * @param {TypedWord} typed
 * @param {string} insert The name as the prompt needs it.
 * @returns {Edit}
 */
export function completeWord(prompt, { start, wordStart, end }, insert) {
  const beginnings = [start, ...wordStarts(prompt, start, end)];
  const wanted = insert.toLowerCase();
  const from =
    beginnings.find((at) => wanted.startsWith(prompt.slice(at, end).toLowerCase())) ??
    beginnings.find((at) => isBeginning(prompt.slice(at, end), insert)) ??
    wordStart;
  const prefix = from === start ? (prompt.slice(0, start).match(FOREIGN_PREFIX)?.[0] ?? "") : "";
  return { start: from - prefix.length, end, replacement: insert };
}

/**
 * @param {string} prompt
 * @param {number} start
 * @param {number} end
 */
function wordStarts(prompt, start, end) {
  return Array.from(prompt.slice(start, end).matchAll(/(?<=\s)\S/g), ({ index }) => start + index);
}

/**
 * Return whether a name begins with the typed letters, without regard to its gaps and marks.
 *
 * @param {string} typed
 * @param {string} name
 */
function isBeginning(typed, name) {
  return /^[\p{L}\p{N}]/u.test(typed) && bareName(name).startsWith(bareName(typed));
}

/** @param {string} text */
function unescaped(text) {
  return text.replace(/\\([^])/g, "$1");
}
