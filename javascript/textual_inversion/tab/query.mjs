/**
 * What part of the library is shown, in which order, and how a page remembers that.
 */

import { COUNTED, number, phrase } from "../phrases.mjs";
import { keep, recallJson } from "../storage.mjs";

/** @typedef {import("../answers.mjs").Counts} Counts */
/** @typedef {import("../answers.mjs").Family} Family */
/** @typedef {import("../answers.mjs").LibrarySummary} LibrarySummary */
/** @typedef {import("../answers.mjs").Parameters} Parameters */
/** @typedef {"usable" | "incompatible" | "partial" | "broken" | "foreign" | "duplicate" | "favourite" | "hidden" | "all"} FilterKey */
/** @typedef {"name" | "date" | "vectors" | "folder" | "size"} Sort */
/** @typedef {"asc" | "desc"} Order */
/** @typedef {Query & Pick<Display, "sort" | "order">} Shown What the address of a page says. */

/**
 * @typedef {object} Display How it is shown.
 * @property {Sort} sort
 * @property {Order} order
 * @property {boolean} showsFolders
 * @property {boolean} isList Whether as a list, and not as cards.
 * @property {boolean} veils Whether pictures that are not for everybody are blurred.
 * @property {number} scale How many times as wide as usual the cards are.
 */

/**
 * @typedef {object} Query What part of the library is shown.
 * @property {FilterKey} filter
 * @property {string} text
 * @property {string} folder Its id; empty for all.
 * @property {string} family The key of the model family that can use it; empty for any.
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
  usable: { title: phrase("Usable"), kinds: ["usable", "unknown"], parameters: { fit: "usable,unknown" } },
  incompatible: { title: phrase("Other models"), kinds: ["incompatible"], parameters: { fit: "incompatible" } },
  partial: { title: phrase("Partially compatible"), kinds: ["partial"], parameters: { fit: "partial" } },
  broken: { title: phrase("Broken"), kinds: ["broken", "unsafe"], parameters: { state: "broken,unsafe" } },
  foreign: { title: phrase("Not embeddings"), kinds: ["foreign"], parameters: { state: "foreign" } },
  duplicate: { title: phrase("Duplicates"), kinds: ["duplicate"], parameters: { state: "duplicate" } },
  favourite: { title: phrase("Favourites"), kinds: ["favourite"], parameters: { favourite: "true" } },
  hidden: { title: phrase("Hidden"), kinds: ["hidden"], parameters: { hidden: "true" } },
  all: { title: phrase("All"), kinds: ["all"], parameters: {} },
};

/** @type {ReadonlySet<FilterKey>} Those that show more than embeddings. */
const OF_FILES = new Set(["broken", "foreign", "hidden", "all"]);

/** @type {ReadonlyMap<Sort, {title: string, order: Order}>} Each with the order that is wanted first. */
export const SORTS = new Map([
  ["name", { title: phrase("Name"), order: "asc" }],
  ["date", { title: phrase("Date"), order: "desc" }],
  ["vectors", { title: phrase("Vectors"), order: "desc" }],
  ["folder", { title: phrase("Folder"), order: "asc" }],
  ["size", { title: phrase("Size"), order: "desc" }],
]);

/** How many times as wide as usual cards can be. */
export const SCALES = { min: 0.8, max: 2.4, step: 0.2 };

/** In CSS pixels. */
const ROOM_FOR_FOLDERS = 768;
const STORAGE_KEY = "lib-embeddings";
/** How long nothing else must be shown before the page's address says it: a browser lays the page out for that. */
const ADDRESS_MS = 250;

/** @type {Query} */
export const EVERYTHING = { filter: "all", text: "", folder: "", family: "" };

/** @type {Query} */
const EVERYTHING_USABLE = { ...EVERYTHING, filter: "usable" };

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
  return key === "usable" && model === null ? phrase("Embeddings") : FILTERS[key].title;
}

/**
 * Return how many entries are shown, of how many where a search or folder hides some, and how far a scan is.
 *
 * @param {Query} query
 * @param {LibrarySummary} summary
 */
export function totalText({ filter, text, folder, family }, { counts, total, by_family, progress }) {
  const counted = OF_FILES.has(filter) ? COUNTED.files : COUNTED.embeddings;
  const isPart = text !== "" || folder !== "" || family !== "";
  const all = isPart
    ? phrase("{count} of {all}", { count: number(total), all: counted(countOf(filter, counts)) })
    : counted(total);
  const shown = !isPart && filter === "usable" && by_family ? `${all}: ${by_family}` : all;
  if (!progress) return shown;
  return phrase("{text}, {read} of {total} read", { text: shown, read: number(progress.read), total: number(progress.total) });
}

/**
 * Return the order that somebody chose last, and whether folders are shown.
 *
 * @param {boolean} hasRoom Whether folders are shown to someone who never chose.
 * @param {Pick<Storage, "getItem">} [storage]
 * @returns {Display}
 */
export function recall(hasRoom, storage) {
  const { sort, order, showsFolders, isList, veils, scale } = recallJson(STORAGE_KEY, storage) ?? {};
  return {
    sort: SORTS.has(sort) ? sort : "name",
    order: order === "desc" ? "desc" : "asc",
    showsFolders: typeof showsFolders === "boolean" ? showsFolders : hasRoom,
    isList: isList === true,
    veils: veils !== false,
    scale: scale >= SCALES.min && scale <= SCALES.max ? scale : 1,
  };
}

/**
 * Return an address that shows the same again.
 *
 * @param {string} address One whose other parameters stay.
 * @param {Shown} shown
 */
export function addressOf(address, { filter, text, folder, family, sort, order }) {
  const url = new URL(address);
  const usual = SORTS.get(sort)?.order;
  const parameters = {
    filter: filter === EVERYTHING_USABLE.filter ? "" : filter,
    query: text,
    folder,
    family,
    sort: sort === "name" && order === usual ? "" : sort,
    order: order === usual ? "" : order,
  };
  for (const [key, value] of Object.entries(parameters)) {
    if (value) url.searchParams.set(key, value);
    else url.searchParams.delete(key);
  }
  return url.href;
}

/**
 * Return what an address says of what is shown; an unknown word says nothing.
 *
 * @param {string} address
 * @param {Display} display What holds where it says nothing of the order.
 * @param {Family[]} families Those that there are.
 * @returns {{query: Query, display: Display}}
 */
export function readAddress(address, display, families) {
  const { filter, query, folder, family, sort, order } = Object.fromEntries(new URL(address).searchParams);
  const usual = SORTS.get(/** @type {Sort} */ (sort))?.order;
  return {
    query: {
      filter: filter in FILTERS ? /** @type {FilterKey} */ (filter) : EVERYTHING_USABLE.filter,
      text: query ?? "",
      folder: folder ?? "",
      family: families.some(({ key }) => key === family) ? family : "",
    },
    display: usual
      ? { ...display, sort: /** @type {Sort} */ (sort), order: order === "asc" || order === "desc" ? order : usual }
      : display,
  };
}

/**
 * The address of what is shown: the page's own, or where a WebUI owns that, one that is kept until the
 * browser's tab is closed.
 */
export class Address {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {{tabname?: string, page?: string}} place Where the tab is. */
  constructor({ tabname, page }) {
    this.key = page && `${STORAGE_KEY}-${tabname}`;
  }

  /**
   * Return what it says, and what somebody chose before where it says nothing.
   *
   * @param {Family[]} families
   */
  read(families) {
    return readAddress(this.href, recall(innerWidth >= ROOM_FOR_FOLDERS), families);
  }

  get href() {
    if (!this.key) return location.href;
    try {
      return sessionStorage.getItem(this.key) ?? location.origin;
    } catch {
      return location.origin;
    }
  }

  /** @param {Shown} shown */
  keep(shown) {
    const href = addressOf(this.href, shown);
    if (!this.key) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => href === this.href || history.replaceState(history.state, "", href), ADDRESS_MS);
      return;
    }
    try {
      sessionStorage.setItem(this.key, href);
    } catch {
      // Forbidden or full storage: after a reload everything is shown again.
    }
  }
}

/**
 * Keep what somebody chose for the next visit.
 *
 * @param {Display} display
 * @param {Pick<Storage, "setItem">} [storage]
 */
export function remember(display, storage) {
  keep(STORAGE_KEY, JSON.stringify(display), storage);
}
