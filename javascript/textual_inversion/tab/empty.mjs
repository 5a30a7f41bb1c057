/**
 * Show why there are no cards, and offer what there is instead.
 */

import { element, textButton } from "../elements.mjs";
import { counted, number, sentenceCase } from "../words.mjs";
import { countOf, FILTERS } from "./selection.mjs";

/** @typedef {import("../api.mjs").Summary} Summary */
/** @typedef {import("./selection.mjs").FilterKey} FilterKey */
/** @typedef {import("./selection.mjs").View} View */
/** @typedef {{title: string, hint: string, offers: Offer[]}} Explanation */
/** @typedef {{label: string, view: Partial<View>}} Offer What to show instead. */

/** @type {FilterKey[]} The filters that hide something for a reason, most hopeful first. */
const OTHERS = ["partial", "incompatible", "duplicate", "broken", "foreign"];

/**
 * @param {HTMLElement} place
 * @param {View} view
 * @param {Summary} summary
 */
export function showEmpty(place, view, summary) {
  place.hidden = summary.total > 0;
  if (place.hidden) return;
  const { title, hint, offers } = explainEmpty(view, summary);
  const buttons = offers.map(({ label, view: offered }) =>
    textButton("offer", label, { "data-view": JSON.stringify(offered) }),
  );
  place.replaceChildren(
    element("p", { class: "empty-title" }, title),
    element("p", { class: "empty-hint" }, hint),
    element("div", { class: "offers" }, ...buttons),
  );
}

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
