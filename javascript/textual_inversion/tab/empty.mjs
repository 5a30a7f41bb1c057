/**
 * Show why there are no cards, and offer what there is instead.
 */

import { element, textButton } from "../dom.mjs";
import { COUNTED, number, phrase, phrases, sentenceCase } from "../phrases.mjs";
import { countOf, FILTERS } from "./query.mjs";

/** @typedef {import("../answers.mjs").LibrarySummary} LibrarySummary */
/** @typedef {import("./query.mjs").FilterKey} FilterKey */
/** @typedef {import("./query.mjs").Query} Query */
/** @typedef {{title: string, hint: string, offers: Offer[]}} Explanation */
/** @typedef {{label: string, query: Partial<Query>}} Offer What to show instead. */

/**
 * The filters that hide something for a reason, most useful first, with what so many of their files are.
 *
 * @type {ReadonlyMap<FilterKey, (count: number) => string>}
 */
const OTHERS = new Map([
  ["partial", (count) => phrases(count, "{count} partially compatible", "{count} partially compatible")],
  ["incompatible", (count) => phrases(count, "{count} for another model", "{count} for other models")],
  ["duplicate", (count) => phrases(count, "{count} duplicate", "{count} duplicates")],
  ["broken", (count) => phrases(count, "{count} broken or unsafe", "{count} broken or unsafe")],
  ["foreign", (count) => phrases(count, "{count} not an embedding", "{count} not embeddings")],
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
 * @param {Query} query
 * @param {LibrarySummary} summary
 */
export function showEmpty(place, query, summary) {
  place.hidden = summary.total > 0;
  if (place.hidden) place.replaceChildren();
  else show(place, explainEmpty(query, summary));
}

/**
 * Show that the server has not told yet what there is.
 *
 * @param {HTMLElement} place
 * @param {Error} problem
 */
export function showNoAnswer(place, problem) {
  place.hidden = false;
  const hint = phrase("{problem}. This page tries again automatically.", { problem: sentenceCase(problem.message) });
  show(place, { title: phrase("Waiting for the server"), hint, offers: [] });
}

/**
 * Return a sentence about folders that are missing beside others; empty where none is.
 *
 * @param {LibrarySummary} summary
 */
export function missingText({ missing_roots }) {
  return missing_roots.length ? phrase("Missing folders: {folders}", { folders: missing_roots.join(", ") }) : "";
}

/**
 * @param {HTMLElement} place
 * @param {Explanation} explanation
 */
function show(place, { title, hint, offers }) {
  const buttons = offers.map(({ label, query: offered }) =>
    textButton("offer", label, { "data-query": JSON.stringify(offered) }),
  );
  place.replaceChildren(
    element("p", { class: "empty-title" }, title),
    element("p", { class: "empty-hint" }, hint),
    element("div", { class: "offers" }, ...buttons),
  );
}

/**
 * Explain why a query finds nothing and what to do about it.
 *
 * @param {Query} query
 * @param {LibrarySummary} summary
 * @returns {Explanation}
 */
export function explainEmpty(query, summary) {
  if (summary.progress) return explainScan(summary.progress);
  const all = countOf("all", summary.counts);
  if (!all) return summary.counts.hidden ? explainAllHidden(summary.counts.hidden) : explainEmptyLibrary(summary);
  if (query.text || query.family) return explainNoMatch(query, summary, all);
  if (query.folder) return explainEmptyFolder(query, summary);
  if (query.filter === "usable") return explainNothingUsable(summary, all);
  if (query.filter === "favourite") return explainNoFavourites();
  return explainEmptyFilter(query, all);
}

/**
 * @param {NonNullable<LibrarySummary["progress"]>} progress
 * @returns {Explanation}
 */
function explainScan({ read, total }) {
  const title = phrase("Reading embeddings: {read} of {total}", { read: number(read), total: number(total) });
  return { title, hint: phrase("They appear here as soon as they are read."), offers: [] };
}

/**
 * @param {LibrarySummary} summary
 * @returns {Explanation}
 */
function explainEmptyLibrary({ roots, missing_roots }) {
  if (missing_roots.length) {
    const title = missing_roots.length > 1 ? phrase("The folders are missing") : phrase("The folder is missing");
    const folders = missing_roots.join("  ·  ");
    const hint = phrase("{folders}: create it, or connect its drive. Its files then appear here automatically.", { folders });
    return { title, hint, offers: [] };
  }
  const folders = roots.join("  ·  ") || phrase("the embeddings folder");
  const hint = phrase("Put .safetensors, .pt, .bin or .png files into {folders}. They appear here without a reload.", { folders });
  return { title: phrase("No embeddings yet"), hint, offers: [] };
}

/**
 * @param {number} hidden
 * @returns {Explanation}
 */
function explainAllHidden(hidden) {
  const label = phrase("Show hidden embeddings ({count})", { count: number(hidden) });
  const title = phrase("Everything is hidden");
  return { title, hint: phrase("Hidden embeddings still work in prompts."), offers: [{ label, query: { filter: "hidden" } }] };
}

/**
 * @param {Query} query
 * @param {LibrarySummary} summary
 * @param {number} all
 * @returns {Explanation}
 */
function explainNoMatch({ text, folder, family, filter }, { found }, all) {
  const others = countOf("all", found);
  /** @type {Offer[]} */
  const offers = [];
  const label = phrase("Show the results under “All” ({count})", { count: number(others) });
  if (others) offers.push({ label, query: { filter: "all" } });
  else if (text && (folder || family || filter !== "all"))
    offers.push({
      label: phrase("Search all files ({count})", { count: number(all) }),
      query: { filter: "all", folder: "", family: "" },
    });
  if (text) offers.push({ label: phrase("Clear the search"), query: { text: "" } });
  if (family) offers.push({ label: phrase("Show embeddings for any model"), query: { family: "" } });
  const where = placesIn(filter, folder);
  return text
    ? {
        title: phrase("No results for “{query}”", { query: text }),
        hint: phrase("The search looked at names, folders, notes, models and hashes in {where}.", { where }),
        offers,
      }
    : { title: phrase("Nothing for this model"), hint: phrase("There are none in {where}.", { where }), offers };
}

/**
 * Return where files were looked for.
 *
 * @param {FilterKey} filter
 * @param {string} folder
 */
function placesIn(filter, folder) {
  const { title } = FILTERS[filter];
  if (filter === "all") return folder ? phrase("all files in this folder") : phrase("all files");
  return folder ? phrase("“{title}” in this folder", { title }) : phrase("“{title}”", { title });
}

/**
 * @param {Query} query
 * @param {LibrarySummary} summary
 * @returns {Explanation}
 */
function explainEmptyFolder({ filter }, { folder }) {
  const { title, count } = folder ?? { title: phrase("this folder"), count: 0 };
  /** @type {Offer[]} */
  const offers = [{ label: phrase("Show all folders"), query: { folder: "" } }];
  if (filter !== "all" && count)
    offers.unshift({ label: phrase("Show all its files ({count})", { count: number(count) }), query: { filter: "all" } });
  const hint = count
    ? phrase("The folder has {files}, but none under “{title}”.", { files: COUNTED.files(count), title: FILTERS[filter].title })
    : phrase("The folder has no files now.");
  return { title: phrase("Nothing to show in {title}", { title }), hint, offers };
}

/**
 * @param {LibrarySummary} summary
 * @param {number} all
 * @returns {Explanation}
 */
function explainNothingUsable({ counts, model_title }, all) {
  const others = Array.from(OTHERS, ([key, counted]) => ({ key, counted, count: countOf(key, counts) })).filter(
    ({ count }) => count,
  );
  const parts = others.map(({ counted, count }) => counted(count));
  /** @type {Offer[]} */
  const offers = others.slice(0, 1).map(({ key, count }) => ({
    label: phrase("Show “{title}” ({count})", { title: FILTERS[key].title, count: number(count) }),
    query: { filter: key },
  }));
  const title = model_title ? phrase("No file works with {model}", { model: model_title }) : phrase("No file can be used");
  const hint = phrase("{sentence}.", { sentence: sentenceCase(parts.join(", ")) });
  return { title, hint, offers: [...offers, showAll(all)] };
}

/** @returns {Explanation} */
function explainNoFavourites() {
  return {
    title: phrase("No favourites yet"),
    hint: phrase("Click the star on a card to add it to your favourites."),
    offers: [{ label: phrase("Show usable embeddings"), query: { filter: "usable" } }],
  };
}

/**
 * @param {Query} query
 * @param {number} all
 * @returns {Explanation}
 */
function explainEmptyFilter({ filter }, all) {
  const hint = phrase("There are no longer any files under “{title}”.", { title: FILTERS[filter].title });
  return { title: phrase("Nothing to show"), hint, offers: [showAll(all)] };
}

/**
 * @param {number} all
 * @returns {Offer}
 */
function showAll(all) {
  return { label: phrase("Show all files ({count})", { count: number(all) }), query: { filter: "all" } };
}
