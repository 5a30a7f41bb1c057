/**
 * What is shown of the library, and what will be shown once it is here.
 *
 * A search, a filter or a change of the library begins a new listing; the old one stays in
 * sight until the part of the new one that will be seen has come. An answer to an old
 * question is never shown.
 */

import { FILTERS } from "./filters.mjs";
import { Listing } from "./listing.mjs";

/** @typedef {import("./api.mjs").Api} Api */
/** @typedef {import("./choices.mjs").Choices} Choices */
/** @typedef {import("./filters.mjs").View} View */

/**
 * @typedef {object} Stage Where listings are shown.
 * @property {() => {first: number, end: number}} capacity The range that could be seen now.
 * @property {(listing: Listing, options: {keepsPlace: boolean}) => void} show
 * @property {() => void} render Called when a page of the listing that is shown has come.
 * @property {(problem: Error | undefined) => void} warn Called after every request.
 */

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
    this.#next = new Listing(this.api, this.#parameters(), (listing) => this.#receive(listing));
    const { first, end } = this.#keepsPlace ? this.stage.capacity() : { first: 0, end: 1 };
    this.#next.want(first, end);
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
    } else if (listing.isReady) {
      this.listing?.close();
      this.listing = listing;
      this.#next = undefined;
      this.stage.show(listing, { keepsPlace: this.#keepsPlace });
      const heard = this.#heard;
      this.#heard = undefined;
      if (heard !== undefined) this.hear(heard);
    }
  }
}
