/**
 * The parts of the library that can be shown, and what to say where one of them is empty.
 */

import { counted, number, sentenceCase } from "./words.mjs";

/** @typedef {import("./api.mjs").Counts} Counts */
/** @typedef {import("./api.mjs").Parameters} Parameters */
/** @typedef {import("./api.mjs").Summary} Summary */
/** @typedef {"usable" | "incompatible" | "partial" | "broken" | "foreign" | "duplicate" | "favourite" | "all"} FilterKey */

/**
 * @typedef {object} Filter
 * @property {string} title
 * @property {(keyof Counts)[]} kinds What it shows, as the API counts it.
 * @property {Parameters} parameters What asks the API for it.
 * @property {string} are The predicate of a sentence about these files.
 */

/**
 * Without an active model the fit of all embeddings is unknown, and none is hidden for it.
 *
 * @type {Record<FilterKey, Filter>}
 */
export const FILTERS = {
  usable: { title: "Usable", kinds: ["usable", "unknown"], parameters: { fit: "usable,unknown" }, are: "usable" },
  incompatible: {
    title: "Other models",
    kinds: ["incompatible"],
    parameters: { fit: "incompatible" },
    are: "for other models",
  },
  partial: { title: "Partial", kinds: ["partial"], parameters: { fit: "partial" }, are: "fit in part" },
  broken: {
    title: "Broken",
    kinds: ["broken", "unsafe"],
    parameters: { state: "broken,unsafe" },
    are: "broken or unsafe",
  },
  foreign: { title: "Not embeddings", kinds: ["foreign"], parameters: { state: "foreign" }, are: "something else" },
  duplicate: { title: "Duplicates", kinds: ["duplicate"], parameters: { state: "duplicate" }, are: "duplicates" },
  favourite: { title: "Favourites", kinds: ["favourite"], parameters: { favourite: "true" }, are: "favourites" },
  all: { title: "All", kinds: ["ok", "duplicate", "broken", "unsafe", "foreign"], parameters: {}, are: "in all" },
};

/** @type {FilterKey[]} The filters that hide something for a reason, most hopeful first. */
const OTHERS = ["partial", "incompatible", "duplicate", "broken", "foreign"];

/**
 * @param {FilterKey} key
 * @param {Counts} counts
 */
export function countOf(key, counts) {
  return FILTERS[key].kinds.reduce((sum, kind) => sum + counts[kind], 0);
}

/**
 * @param {FilterKey} key
 * @param {Summary} summary
 */
export function titleOf(key, { model }) {
  return key === "usable" && model === null ? "Embeddings" : FILTERS[key].title;
}

/** @type {ReadonlySet<FilterKey>} Those that show more than embeddings. */
const OF_FILES = new Set(["broken", "foreign", "all"]);

/**
 * Say how many entries are shown, and of how many where a search or folder leaves some out.
 *
 * @param {View} view
 * @param {Summary} summary
 */
export function sayTotal({ filter, query, folder }, { counts, total }) {
  const noun = OF_FILES.has(filter) ? "file" : "embedding";
  const isPart = query !== "" || folder !== "";
  return isPart ? `${number(total)} of ${counted(countOf(filter, counts), noun)}` : counted(total, noun);
}

/**
 * @typedef {object} View What is shown of the library.
 * @property {FilterKey} filter
 * @property {string} query
 * @property {string} folder Its id; empty for all.
 */
/** @typedef {{title: string, hint: string, offers: Offer[]}} Explanation */
/** @typedef {{label: string, view: Partial<View>}} Offer What to show instead. */

/**
 * Say why a view is empty and what to do about it.
 *
 * @param {View} view
 * @param {Summary} summary
 * @returns {Explanation}
 */
export function explainEmpty(view, summary) {
  const all = countOf("all", summary.counts);
  if (!all) return explainEmptyLibrary(summary);
  if (view.query) return explainNoMatch(view, all);
  if (view.folder) return explainEmptyFolder(view, summary);
  if (view.filter === "usable") return explainNothingUsable(summary, all);
  if (view.filter === "favourite") {
    const hint = "The star on a card makes it a favourite.";
    return {
      title: "No favourites yet",
      hint,
      offers: [{ label: "Show usable embeddings", view: { filter: "usable" } }],
    };
  }
  return { title: "No such files", hint: "There are none of this kind now.", offers: [showAll(all)] };
}

/**
 * @param {Summary} summary
 * @returns {Explanation}
 */
function explainEmptyLibrary({ roots }) {
  const places = roots.join("  ·  ") || "the embeddings folder";
  const hint = `Put .safetensors, .pt, .bin or .png files into ${places}. They appear here by themselves.`;
  return { title: "No embeddings yet", hint, offers: [] };
}

/**
 * @param {View} view
 * @param {number} all
 * @returns {Explanation}
 */
function explainNoMatch({ query, folder, filter }, all) {
  const isNarrow = folder !== "" || filter !== "all";
  const where = filter === "all" ? "all files" : `“${FILTERS[filter].title}”`;
  /** @type {Offer[]} */
  const offers = [{ label: "Clear search", view: { query: "" } }];
  if (isNarrow) offers.unshift({ label: `Search all ${counted(all, "file")}`, view: { filter: "all", folder: "" } });
  const hint = `Searched ${where}${folder ? " of this folder" : ""} by name, folder, notes, checkpoint and hash.`;
  return { title: `Nothing matches “${query}”`, hint, offers };
}

/**
 * @param {View} view
 * @param {Summary} summary
 * @returns {Explanation}
 */
function explainEmptyFolder({ folder, filter }, { folders }) {
  const { title, count } = folders.find(({ id }) => id === folder) ?? { title: "This folder", count: 0 };
  /** @type {Offer[]} */
  const offers = [{ label: "Show all folders", view: { folder: "" } }];
  if (filter !== "all" && count)
    offers.unshift({ label: `Show ${counted(count, "file")} in it`, view: { filter: "all" } });
  const hint = count
    ? `It has ${counted(count, "file")}, none of them “${FILTERS[filter].title}”.`
    : "It has no files now.";
  return { title: `Nothing to show in ${title}`, hint, offers };
}

/**
 * @param {Summary} summary
 * @param {number} all
 * @returns {Explanation}
 */
function explainNothingUsable({ counts, model_title }, all) {
  const others = OTHERS.filter((key) => countOf(key, counts));
  const parts = others.map((key) => `${number(countOf(key, counts))} ${FILTERS[key].are}`);
  /** @type {Offer[]} */
  const offers = others
    .slice(0, 1)
    .map((key) => ({ label: `Show “${FILTERS[key].title}” (${number(countOf(key, counts))})`, view: { filter: key } }));
  const title = `None of ${counted(all, "file")} can be used with ${model_title ?? "a model"}`;
  return { title, hint: `${sentenceCase(parts.join(", "))}.`, offers: [...offers, showAll(all)] };
}

/**
 * @param {number} all
 * @returns {Offer}
 */
function showAll(all) {
  return { label: `Show all ${counted(all, "file")}`, view: { filter: "all" } };
}
