/**
 * What part of the library is shown, and in which order.
 */

import { counted, number } from "../words.mjs";

/** @typedef {import("../api.mjs").Counts} Counts */
/** @typedef {import("../api.mjs").LibrarySummary} LibrarySummary */
/** @typedef {import("../api.mjs").Parameters} Parameters */
/** @typedef {"usable" | "incompatible" | "partial" | "broken" | "foreign" | "duplicate" | "favourite" | "all"} FilterKey */
/** @typedef {"name" | "date" | "vectors" | "folder" | "size"} Sort */
/** @typedef {"asc" | "desc"} Order */
/** @typedef {{sort: Sort, order: Order, showsFolders: boolean}} Choices */

/**
 * @typedef {object} Selection What part of the library is shown.
 * @property {FilterKey} filter
 * @property {string} query
 * @property {string} folder Its id; empty for all.
 */

/**
 * @typedef {object} Filter
 * @property {string} title
 * @property {(keyof Counts)[]} kinds What it shows, as the API counts it.
 * @property {Parameters} parameters What asks the API for it.
 */

/**
 * Without an active model the fit of all embeddings is unknown, and none is hidden for it.
 *
 * @type {Record<FilterKey, Filter>}
 */
export const FILTERS = {
  usable: { title: "Usable", kinds: ["usable", "unknown"], parameters: { fit: "usable,unknown" } },
  incompatible: { title: "Other models", kinds: ["incompatible"], parameters: { fit: "incompatible" } },
  partial: { title: "Partially compatible", kinds: ["partial"], parameters: { fit: "partial" } },
  broken: { title: "Broken", kinds: ["broken", "unsafe"], parameters: { state: "broken,unsafe" } },
  foreign: { title: "Not embeddings", kinds: ["foreign"], parameters: { state: "foreign" } },
  duplicate: { title: "Duplicates", kinds: ["duplicate"], parameters: { state: "duplicate" } },
  favourite: { title: "Favourites", kinds: ["favourite"], parameters: { favourite: "true" } },
  all: { title: "All", kinds: ["ok", "duplicate", "broken", "unsafe", "foreign"], parameters: {} },
};

/** @type {ReadonlySet<FilterKey>} Those that show more than embeddings. */
const OF_FILES = new Set(["broken", "foreign", "all"]);

/** @type {ReadonlyMap<Sort, {title: string, order: Order}>} Each with the order that is wanted first. */
export const SORTS = new Map([
  ["name", { title: "Name", order: "asc" }],
  ["date", { title: "Date", order: "desc" }],
  ["vectors", { title: "Vectors", order: "desc" }],
  ["folder", { title: "Folder", order: "asc" }],
  ["size", { title: "Size", order: "desc" }],
]);

const STORAGE_KEY = "lib-embeddings";

/**
 * @param {FilterKey} key
 * @param {Counts} counts
 */
export function countOf(key, counts) {
  return FILTERS[key].kinds.reduce((sum, kind) => sum + counts[kind], 0);
}

/**
 * @param {FilterKey} key
 * @param {LibrarySummary} summary
 */
export function titleOf(key, { model }) {
  return key === "usable" && model === null ? "Embeddings" : FILTERS[key].title;
}

/**
 * Return how many entries are shown, and of how many where a search or folder hides some.
 *
 * @param {Selection} selection
 * @param {LibrarySummary} summary
 */
export function totalText({ filter, query, folder }, { counts, total, by_family }) {
  const noun = OF_FILES.has(filter) ? "file" : "embedding";
  const isPart = query !== "" || folder !== "";
  if (isPart) return `${number(total)} of ${counted(countOf(filter, counts), noun)}`;
  return filter === "usable" && by_family ? `${counted(total, noun)}: ${by_family}` : counted(total, noun);
}

/**
 * Return the order that somebody chose last, and whether folders are shown.
 *
 * @param {boolean} hasRoom Whether folders are shown to someone who never chose.
 * @param {Pick<Storage, "getItem">} [storage]
 * @returns {Choices}
 */
export function recall(hasRoom, storage) {
  const { sort, order, showsFolders } = read(storage);
  return {
    sort: SORTS.has(sort) ? sort : "name",
    order: order === "desc" ? "desc" : "asc",
    showsFolders: typeof showsFolders === "boolean" ? showsFolders : hasRoom,
  };
}

/**
 * Keep what somebody chose for the next visit.
 *
 * @param {Choices} choices
 * @param {Pick<Storage, "setItem">} [storage]
 */
export function remember(choices, storage) {
  try {
    (storage ?? localStorage).setItem(STORAGE_KEY, JSON.stringify(choices));
  } catch {
    // Private windows and full or forbidden storage: the choice holds for this visit.
  }
}

/**
 * @param {Pick<Storage, "getItem">} [storage]
 * @returns {any}
 */
function read(storage) {
  try {
    return JSON.parse((storage ?? localStorage).getItem(STORAGE_KEY) ?? "null") ?? {};
  } catch {
    return {};
  }
}
