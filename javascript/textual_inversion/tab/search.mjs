/**
 * What is shown of the library, and what will be shown once it is here.
 *
 * A search, a filter or a change of the library begins a new listing; the old one stays in
 * sight until the part of the new one that will be seen has come. An answer to an old
 * question is never shown.
 */

import { Listing } from "../cards/result_pages.mjs";
import { FILTERS } from "./selection.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../api.mjs").Entry} Entry */
/** @typedef {import("./selection.mjs").Choices} Choices */
/** @typedef {import("./selection.mjs").View} View */

/**
 * @typedef {object} Stage Where listings are shown.
 * @property {() => {first: number, end: number}} capacity The range that could be seen now.
 * @property {(listing: Listing) => boolean} holdsPlace Whether it has what is seen now.
 * @property {(listing: Listing, options: {keepsPlace: boolean}) => void} show
 * @property {() => void} render Called when a page of the listing that is shown has come.
 * @property {(problem: Error | undefined) => void} warn Called after every request.
 */

// However few cards are in sight: scrolling should not ask again at every row.
const LEAST_PAGE = 30;
// How far to look for a card that files above it have moved.
const FURTHEST = 3000;

export class Catalogue {
  /** @type {Listing | undefined} */
  #next;
  #keepsPlace = true;
  /** @type {number | undefined} A generation that was heard of while a listing was on its way. */
  #heard;

  /** @type {Listing | undefined} What is shown. */
  listing;
  /** @type {View} */
  view = { filter: "usable", query: "", folder: "" };

  /**
   * @param {Api} api
   * @param {Choices} choices
   * @param {Stage} stage
   */
  constructor(api, choices, stage) {
    this.api = api;
    this.choices = choices;
    this.stage = stage;
  }

  /**
   * Show another part of the library, from its start.
   *
   * @param {Partial<View>} change
   */
  look(change) {
    this.view = { ...this.view, ...change };
    this.#begin(false);
  }

  /**
   * Show the same part in another order, from its start.
   *
   * @param {Choices} choices
   */
  arrange(choices) {
    this.choices = choices;
    this.#begin(false);
  }

  /** Show the same part as it is by now, at the same place. */
  refresh() {
    this.#begin(true);
  }

  /**
   * Show an entry that was changed in this page, also where its name and place have become others.
   *
   * @param {Entry} entry
   * @param {string} id The one it had.
   */
  follow(entry, id) {
    this.listing?.replace(entry, id);
    this.refresh();
  }

  /**
   * Hear that the library has reached a generation.
   *
   * @param {number} generation
   */
  hear(generation) {
    if (this.#next) this.#heard = generation;
    else if (generation !== this.listing?.summary?.generation) this.refresh();
  }

  close() {
    this.listing?.close();
    this.#next?.close();
  }

  /** @param {boolean} keepsPlace */
  #begin(keepsPlace) {
    // A refresh must not undo that a search, still on its way, will start at the top.
    this.#keepsPlace = keepsPlace && (this.#keepsPlace || !this.#next);
    this.#next?.close();
    const { first, end } = this.stage.capacity();
    const pageSize = Math.max(LEAST_PAGE, end - first);
    this.#next = new Listing(this.api, this.#parameters(), pageSize, (listing) => this.#receive(listing));
    if (this.#keepsPlace) this.#next.want(first, end);
    else this.#next.want(0, pageSize);
  }

  #parameters() {
    const { filter, query, folder } = this.view;
    const { sort, order } = this.choices;
    return { ...FILTERS[filter].parameters, ...(query && { query }), ...(folder && { folder }), sort, order };
  }

  /** @param {Listing} listing */
  #receive(listing) {
    this.stage.warn(listing.problem);
    if (listing.isOutdated) {
      this.refresh();
    } else if (listing === this.listing) {
      this.stage.render();
    } else if (listing.isReady && !this.#looksFurther(listing)) {
      this.listing?.close();
      this.listing = listing;
      this.#next = undefined;
      this.stage.show(listing, { keepsPlace: this.#keepsPlace });
      const heard = this.#heard;
      this.#heard = undefined;
      if (heard !== undefined) this.hear(heard);
    }
  }

  /**
   * Ask also for the rows by which the list grew or shrank, where what is seen must have gone.
   *
   * @param {Listing} listing
   * @returns {boolean} Whether there is more to wait for.
   */
  #looksFurther(listing) {
    const grown = listing.total - (this.listing?.total ?? 0);
    if (!this.#keepsPlace || !this.listing || Math.abs(grown) > FURTHEST) return false;
    if (this.stage.holdsPlace(listing)) return false;
    const { first, end } = this.stage.capacity();
    listing.want(Math.max(0, first + Math.min(grown, 0)), end + Math.max(grown, 0));
    return !listing.isReady;
  }
}
