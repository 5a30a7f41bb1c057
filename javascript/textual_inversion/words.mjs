/**
 * The words for people behind the API's keys and numbers.
 */

import { COUNTED, number, phrase } from "./phrases.mjs";

/** @typedef {import("./answers.mjs").Entry} Entry */
/** @typedef {import("./answers.mjs").Field} Field */
/** @typedef {import("./answers.mjs").Fit} Fit */
/** @typedef {import("./answers.mjs").Host} Host */
/** @typedef {import("./answers.mjs").State} State */
/** @typedef {import("./answers.mjs").Twin} Twin */

const GRAPHEMES = new Intl.Segmenter();

/** @type {Field[]} */
export const FIELDS = ["positive", "negative"];

/** @type {Record<Field, string>} */
export const FIELD_TITLES = { positive: phrase("Prompt"), negative: phrase("Negative prompt") };

/** @type {Record<Field, string>} Where there is little room. */
export const SHORT_TITLES = { positive: phrase("Prompt"), negative: phrase("Negative") };

/** @type {Record<Field, string>} */
export const INSERT_INTO = { positive: phrase("Insert into the prompt"), negative: phrase("Insert into the negative prompt") };

/** @type {Record<Field, string>} */
export const REMOVE_FROM = { positive: phrase("Remove from the prompt"), negative: phrase("Remove from the negative prompt") };

/** @type {Partial<Record<State | Fit, string>>} */
const OBSTACLES = {
  partial: phrase("Partially compatible"),
  incompatible: phrase("Other model"),
  duplicate: phrase("Duplicate name"),
  broken: phrase("Broken file"),
  unsafe: phrase("Unsafe file"),
  foreign: phrase("Not an embedding"),
};

/**
 * Return the titles of model families.
 *
 * @param {Host} host
 * @param {string[]} keys
 */
export function familyTitles({ families }, keys) {
  const titles = new Map(families.map(({ key, title }) => [key, title]));
  return keys.map((key) => titles.get(key) ?? key);
}

/**
 * Return why the active model cannot use an entry; undefined if it can.
 *
 * @param {Pick<Entry, "state" | "fit">} entry
 */
export function obstacle({ state, fit }) {
  return OBSTACLES[state] ?? (fit ? OBSTACLES[fit] : undefined);
}

/**
 * Return whether some model can use an entry.
 *
 * @param {Entry} entry
 */
export function isEmbedding({ state }) {
  return state === "ok" || state === "duplicate";
}

/**
 * Return a sentence about a renamed embedding, and about the prompts that still have the old name.
 *
 * @param {string} old
 * @param {Record<Field, boolean>} places Which prompts have the old name.
 */
export function renamedText(old, { positive, negative }) {
  if (positive && negative) return phrase("Renamed. Both prompts still use the old name {old}.", { old });
  if (positive) return phrase("Renamed. The prompt still uses the old name {old}.", { old });
  if (negative) return phrase("Renamed. The negative prompt still uses the old name {old}.", { old });
  return phrase("Renamed.");
}

/**
 * Return a sentence about the changes that a scan found.
 *
 * @param {import("./answers.mjs").Changes} changes
 */
export function changesText({ added, modified, deleted }) {
  if (!(added + modified + deleted)) return phrase("Nothing has changed");
  const counts = { added: number(added), modified: number(modified), deleted: number(deleted) };
  return phrase("{added} added, {modified} changed, {deleted} deleted", counts);
}

/**
 * Return the folder of a path.
 *
 * @param {string} path
 */
export function folderOf(path) {
  return path.split("/").slice(0, -1).join("/") || phrase("main folder");
}

/**
 * Return whether files of one name are the same; empty if nobody knows.
 *
 * @param {Twin[]} twins
 */
export function sameness(twins) {
  if (twins.some(({ same_bytes }) => same_bytes === false)) return phrase("different");
  return twins.every(({ same_bytes }) => same_bytes) ? phrase("same bytes") : "";
}

/** The words for claims of other programs and sites about a file. */
export const CLAIMS = {
  heading: phrase("What others say about it"),
  title: phrase("Title"),
  author: phrase("Author"),
  licence: phrase("Licence"),
  baseModel: phrase("Base model"),
  tags: phrase("Tags"),
  weight: phrase("Weight"),
  maturity: phrase("Maturity"),
  mature: phrase("Adult content"),
  veil: phrase("Blur or show adult pictures"),
  scan: phrase("Safety scan"),
  page: phrase("Page"),
  tool: phrase("Said by"),
  /** @param {string} text */
  find: (text) => phrase("Show all with {text}", { text }),
};

/**
 * Return how many files a card stands for, if it is more than one; otherwise words about other files with the
 * name that have cards of their own.
 *
 * @param {Twin[]} twins
 */
export function twinsText(twins) {
  const grouped = twins.filter(({ is_grouped }) => is_grouped);
  const same = twins.length ? sameness(grouped.length ? grouped : twins) : "";
  const files = grouped.length ? COUNTED.files(grouped.length + 1) : "";
  return [files, same].filter(Boolean).join(" · ");
}

/**
 * Return one or two characters that represent a name without a picture.
 *
 * @param {string} name
 */
export function initials(name) {
  const words = name.split(/[^\p{L}\p{M}\p{N}\p{Extended_Pictographic}\u200d\ufe0f]+/u).filter(Boolean);
  const firsts = words.slice(0, 2).map((word) => firstGrapheme(word));
  return firsts.join("").toUpperCase() || "·";
}

/**
 * Return a hue from 0 to 359 that is always the same for a name.
 *
 * @param {string} name
 */
export function hue(name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  // Names that differ only in their last character should not look alike.
  return (Math.imul(hash, 2654435761) >>> 0) % 360;
}

/** @param {string} word */
function firstGrapheme(word) {
  if (/^[ -~](?:[ -~]|$)/.test(word)) return word[0]; // Most are, and taking words apart takes long.
  for (const { segment } of GRAPHEMES.segment(word)) return segment;
  return "";
}
