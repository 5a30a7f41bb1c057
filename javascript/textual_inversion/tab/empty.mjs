/**
 * Show why there are no cards, and offer what there is instead.
 */

import { element, textButton } from "../page.mjs";
import { counted, number, sentenceCase } from "../words.mjs";
import { countOf, FILTERS } from "./selection.mjs";

/** @typedef {import("../api.mjs").LibrarySummary} LibrarySummary */
/** @typedef {import("./selection.mjs").FilterKey} FilterKey */
/** @typedef {import("./selection.mjs").Selection} Selection */
/** @typedef {{title: string, hint: string, offers: Offer[]}} Explanation */
/** @typedef {{label: string, selection: Partial<Selection>}} Offer What to show instead. */

/**
 * The filters that hide something for a reason, most useful first, with what their files are: one
 * of them, and several.
 *
 * @type {ReadonlyMap<FilterKey, [string, string]>}
 */
const OTHERS = new Map([
  ["partial", ["partially compatible", "partially compatible"]],
  ["incompatible", ["for another model", "for other models"]],
  ["duplicate", ["duplicate", "duplicates"]],
  ["broken", ["broken or unsafe", "broken or unsafe"]],
  ["foreign", ["not an embedding", "not embeddings"]],
]);

/** How many cards may come, until it is known. */
const EXPECTED = 12;

/** Build the view, with places for the cards that are on their way. */
export function emptyView() {
  const gaps = Array.from({ length: EXPECTED }, () => element("span", { class: "blank" }));
  return element("div", { class: "empty" }, element("div", { class: "blanks", "aria-hidden": "true" }, ...gaps));
}

/**
 * @param {HTMLElement} place
 * @param {Selection} selection
 * @param {LibrarySummary} summary
 */
export function showEmpty(place, selection, summary) {
  place.hidden = summary.total > 0;
  if (!place.hidden) show(place, explainEmpty(selection, summary));
}

/**
 * Show that the server has not told yet what there is.
 *
 * @param {HTMLElement} place
 * @param {Error} problem
 */
export function showNoAnswer(place, problem) {
  place.hidden = false;
  const hint = `${sentenceCase(problem.message)}. This page tries again by itself.`;
  show(place, { title: "Nothing from the server yet", hint, offers: [] });
}

/**
 * Return a sentence about folders that are missing beside others; empty where none is.
 *
 * @param {LibrarySummary} summary
 */
export function missingText({ missing_roots }) {
  return missing_roots.length ? `Not there: ${missing_roots.join(", ")}` : "";
}

/**
 * @param {HTMLElement} place
 * @param {Explanation} explanation
 */
function show(place, { title, hint, offers }) {
  const buttons = offers.map(({ label, selection: offered }) =>
    textButton("offer", label, { "data-selection": JSON.stringify(offered) }),
  );
  place.replaceChildren(
    element("p", { class: "empty-title" }, title),
    element("p", { class: "empty-hint" }, hint),
    element("div", { class: "offers" }, ...buttons),
  );
}

/**
 * Explain why a selection is empty and what to do about it.
 *
 * @param {Selection} selection
 * @param {LibrarySummary} summary
 * @returns {Explanation}
 */
export function explainEmpty(selection, summary) {
  if (summary.scanning) return explainScan(summary.scanning);
  const all = countOf("all", summary.counts);
  if (!all) return summary.counts.hidden ? explainAllHidden(summary.counts.hidden) : explainEmptyLibrary(summary);
  if (selection.query || selection.family) return explainNoMatch(selection, summary, all);
  if (selection.folder) return explainEmptyFolder(selection, summary);
  if (selection.filter === "usable") return explainNothingUsable(summary, all);
  if (selection.filter === "favourite") return explainNoFavourites();
  return explainEmptyFilter(selection, all);
}

/**
 * @param {NonNullable<LibrarySummary["scanning"]>} scanning
 * @returns {Explanation}
 */
function explainScan({ read, total }) {
  const title = `Reading embeddings: ${number(read)} of ${number(total)}`;
  return { title, hint: "They appear here as soon as they are read.", offers: [] };
}

/**
 * @param {LibrarySummary} summary
 * @returns {Explanation}
 */
function explainEmptyLibrary({ roots, missing_roots }) {
  if (missing_roots.length) {
    const title = missing_roots.length > 1 ? "The folders are not there" : "The folder is not there";
    const advice = "make it, or connect its drive. What is in it appears here by itself.";
    return { title, hint: `${missing_roots.join("  ·  ")}: ${advice}`, offers: [] };
  }
  const places = roots.join("  ·  ") || "the embeddings folder";
  const hint = `Put .safetensors, .pt, .bin or .png files into ${places}. They appear here without a reload.`;
  return { title: "No embeddings yet", hint, offers: [] };
}

/**
 * @param {number} hidden
 * @returns {Explanation}
 */
function explainAllHidden(hidden) {
  const label = `Show what is hidden (${number(hidden)})`;
  const title = "Everything is hidden";
  return { title, hint: "Hidden embeddings work in prompts as before.", offers: [{ label, selection: { filter: "hidden" } }] };
}

/**
 * @param {Selection} selection
 * @param {LibrarySummary} summary
 * @param {number} all
 * @returns {Explanation}
 */
function explainNoMatch({ query, folder, family, filter }, { found }, all) {
  const where = filter === "all" ? "all files" : `“${FILTERS[filter].title}”`;
  const others = countOf("all", found);
  /** @type {Offer[]} */
  const offers = [];
  const label = `Show what is found under “All” (${number(others)})`;
  if (others) offers.push({ label, selection: { filter: "all" } });
  else if (query && (folder || family || filter !== "all"))
    offers.push({ label: `Search all files (${number(all)})`, selection: { filter: "all", folder: "", family: "" } });
  if (query) offers.push({ label: "Clear the search", selection: { query: "" } });
  if (family) offers.push({ label: "Show those for any model", selection: { family: "" } });
  const title = query ? `No results for “${query}”` : "Nothing for this model";
  const looked = query ? "The search looked at names, folders, notes, models and hashes in" : "There is none in";
  return { title, hint: `${looked} ${where}${folder ? " of this folder" : ""}.`, offers };
}

/**
 * @param {Selection} selection
 * @param {LibrarySummary} summary
 * @returns {Explanation}
 */
function explainEmptyFolder({ filter }, { folder }) {
  const { title, count } = folder ?? { title: "this folder", count: 0 };
  /** @type {Offer[]} */
  const offers = [{ label: "Show all folders", selection: { folder: "" } }];
  if (filter !== "all" && count)
    offers.unshift({ label: `Show all its files (${number(count)})`, selection: { filter: "all" } });
  const hint = count
    ? `The folder has ${counted(count, "file")}, but none under “${FILTERS[filter].title}”.`
    : "The folder has no files now.";
  return { title: `Nothing to show in ${title}`, hint, offers };
}

/**
 * @param {LibrarySummary} summary
 * @param {number} all
 * @returns {Explanation}
 */
function explainNothingUsable({ counts, model_title }, all) {
  const others = Array.from(OTHERS, ([key, are]) => ({ key, are, count: countOf(key, counts) })).filter(
    ({ count }) => count,
  );
  const parts = others.map(({ are: [one, many], count }) => `${number(count)} ${count === 1 ? one : many}`);
  /** @type {Offer[]} */
  const offers = others.slice(0, 1).map(({ key, count }) => ({
    label: `Show “${FILTERS[key].title}” (${number(count)})`,
    selection: { filter: key },
  }));
  const title = model_title ? `No file works with ${model_title}` : "No file can be used";
  return { title, hint: `${sentenceCase(parts.join(", "))}.`, offers: [...offers, showAll(all)] };
}

/** @returns {Explanation} */
function explainNoFavourites() {
  return {
    title: "No favourites yet",
    hint: "Click the star on a card to add it to your favourites.",
    offers: [{ label: "Show usable embeddings", selection: { filter: "usable" } }],
  };
}

/**
 * @param {Selection} selection
 * @param {number} all
 * @returns {Explanation}
 */
function explainEmptyFilter({ filter }, all) {
  const hint = `There are no files under “${FILTERS[filter].title}” any more.`;
  return { title: "Nothing to show", hint, offers: [showAll(all)] };
}

/**
 * @param {number} all
 * @returns {Offer}
 */
function showAll(all) {
  return { label: `Show all files (${number(all)})`, selection: { filter: "all" } };
}
