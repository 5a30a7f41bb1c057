/**
 * Text on cards: where it may break, and the letters by which a search has found it.
 *
 * The server searches; here is only what of it people see in a name.
 */

import { element, ownWords } from "../dom.mjs";
import { bareName, foldName } from "../prompt/pieces.mjs";

/** @typedef {import("../prompt/pieces.mjs").Range} Range */

/** In names: behind marks, and where words are written without any between them. */
export const IN_NAMES = /(?<=[-_.])(?![-_.])|(?<=\p{Ll})(?=\p{Lu})/u;
/** In sentences with paths. */
export const IN_PATHS = /(?<=[/_])|(?=\.[a-z]{2})/;

/** As `views/query.py` has it: a number of vectors is in no name. */
const WORD = /(?<minus>-(?=\S))?(?:"(?<phrase>[^"]*)"?|(?<!-)\d{1,6} vectors?(?!\S)|(?<word>\S+))/g;
/** Letters that find a name whatever its gaps and marks; fewer are in too many. */
const LEAST = 3;

/**
 * Return a text that may break at some places, and so not inside of a word that fits.
 *
 * @param {string} text
 * @param {RegExp} places Matches nothing there.
 * @param {Range[]} [marked] What is to stand out.
 */
export function breakable(text, places, marked = []) {
  let end = 0;
  return text.split(places).flatMap((part, at) => {
    const start = end;
    end += part.length;
    const shown = marked.length ? standOut(text, start, end, marked) : [part];
    return at ? [element("wbr"), ...shown] : shown;
  });
}

/**
 * @param {string} text
 * @param {number} start
 * @param {number} end
 * @param {Range[]} marked
 */
function standOut(text, start, end, marked) {
  const edges = marked.flatMap((range) => [range.start, range.end]).filter((edge) => edge > start && edge < end);
  return [start, ...edges].map((from, at) => {
    const part = text.slice(from, edges[at] ?? end);
    return marked.some((range) => range.start <= from && from < range.end) ? element("mark", {}, part) : part;
  });
}

/**
 * Write its name on a card, and show by which of its letters a search has found it.
 *
 * @param {HTMLLIElement} card
 * @param {string} name
 * @param {string} query
 */
export function showMatches(card, name, query) {
  if (card.dataset.query === query) return;
  card.dataset.query = query;
  card.querySelector(".name")?.replaceChildren(...ownWords(...breakable(name, IN_NAMES, matchesIn(name, query))));
}

/**
 * Return the ranges of a name that are looked for, first to last, none inside of another.
 *
 * @param {string} name
 * @param {string} query As people type it.
 * @returns {Range[]}
 */
export function matchesIn(name, query) {
  const text = name.toLowerCase();
  if (text.length !== name.length) return []; // Some letters have no small form of one length.
  const places = Array.from(text.matchAll(/[\p{L}\p{N}]/gu), ({ index }) => index);
  const letters = places.map((at) => text[at]).join("");
  const found = wantedIn(query).flatMap((wanted) => {
    const whole = occurrences(text, wanted);
    const bare = bareName(wanted);
    if (whole.length || bare.length < LEAST || letters.length !== places.length) return whole;
    return occurrences(letters, bare).map(({ start, end }) => ({ start: places[start], end: places[end - 1] + 1 }));
  });
  return merged(found.sort((a, b) => a.start - b.start));
}

/**
 * Return what a query looks for, folded.
 *
 * @param {string} query
 */
function wantedIn(query) {
  const words = Array.from(foldName(query).matchAll(WORD), ({ groups = {} }) => groups);
  return words.filter(({ minus }) => !minus).map(({ phrase, word }) => phrase || word || "");
}

/**
 * @param {string} text
 * @param {string} wanted
 */
function occurrences(text, wanted) {
  /** @type {Range[]} */
  const ranges = [];
  for (let at = wanted ? text.indexOf(wanted) : -1; at >= 0; at = text.indexOf(wanted, at + wanted.length))
    ranges.push({ start: at, end: at + wanted.length });
  return ranges;
}

/**
 * @param {Range[]} ranges By their starts.
 * @returns {Range[]}
 */
function merged(ranges) {
  /** @type {Range[]} */
  const apart = [];
  for (const range of ranges) {
    const last = apart.at(-1);
    if (last && range.start <= last.end) last.end = Math.max(last.end, range.end);
    else apart.push({ ...range });
  }
  return apart;
}
