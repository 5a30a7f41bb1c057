/**
 * What is shown of the library, and what will be shown once it is here.
 *
 * A query, a filter or a change of the library begins new results; the old ones stay in sight
 * until the part of the new ones that will be seen has come. An answer to an old question is
 * never shown.
 */

import { listen } from "../live.mjs";
import { ResultPages } from "../cards/result_pages.mjs";
import { FILTERS } from "./query.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../answers.mjs").Entry} Entry */
/** @typedef {import("./query.mjs").Display} Display */
/** @typedef {import("./query.mjs").Query} Query */

/**
 * @typedef {object} Owner Where results are shown.
 * @property {() => {first: number, end: number}} capacity The range that could be seen now.
 * @property {(results: ResultPages) => boolean} holdsPlace Whether they have what is seen now.
 * @property {(results: ResultPages, options: {keepsPlace: boolean}) => void} show
 * @property {() => void} render Called when a page of the results that are shown has come.
 * @property {(problem: Error | undefined) => void} warn Called after every request.
 * @property {(isWaiting: boolean) => void} wait Called when other results than are shown are long in coming, and when
 *   they have come.
 * @property {() => void} changed Called for every change of the library.
 * @property {(problem: string) => void} connection Called when it is lost, and with no text when it is back.
 */

// However few cards are in sight: scrolling should not ask again at every row.
const LEAST_PAGE = 30;
// How far to search for a card that files above it have moved.
const FURTHEST = 3000;
const PROGRESS_MS = 1000;
/** After how long people wonder whether what they see is what they asked for. */
const LONG_MS = 1000;

export class Search {
  /** @type {ResultPages | undefined} */
  #next;
  #keepsPlace = true;
  /** @type {number | undefined} A generation that came while results were on their way. */
  #newerGeneration;
  #isListening = false;
  #stopListening = () => {};
  /** @type {number | undefined} */
  #progressTimer;
  /** @type {number | undefined} It runs from the first question that has no answer yet. */
  #waitTimer;

  /** @type {ResultPages | undefined} What is shown. */
  results;
  /**
   * @param {Api} api
   * @param {Query} query
   * @param {Display} display
   * @param {number} largestPage How many entries the server returns at once.
   * @param {Owner} owner
   */
  constructor(api, query, display, largestPage, owner) {
    this.api = api;
    this.query = query;
    this.display = display;
    this.largestPage = largestPage;
    this.owner = owner;
  }

  /**
   * Show another part of the library, from its start.
   *
   * @param {Partial<Query>} change
   */
  select(change) {
    this.query = { ...this.query, ...change };
    this.#begin(false);
  }

  /**
   * Show the same part in another order, from its start.
   *
   * @param {Display} display
   */
  sort(display) {
    this.display = display;
    this.#begin(false);
  }

  /** Show the same part as it is by now, at the same place. */
  refresh() {
    this.#begin(true);
  }

  /**
   * Show an entry that was changed in this page, also where it has another name and place now.
   *
   * @param {Entry} entry
   * @param {string} id The one it had.
   */
  replace(entry, id) {
    this.results?.replace(entry, id);
    this.refresh();
  }

  /**
   * Return a part of what is found, or all of it, whether it is shown or not.
   *
   * @param {number} [first]
   * @param {number} [end] Behind the last.
   * @returns {Promise<Entry[]>}
   */
  async found(first = 0, end = Infinity) {
    const { signal } = new AbortController();
    /** @type {Entry[]} */
    const found = [];
    for (let total = end; first + found.length < Math.min(end, total);) {
      const offset = first + found.length;
      const limit = Math.min(this.largestPage, end - offset);
      const page = await this.api.entries({ ...this.#parameters(), offset, limit }, signal);
      found.push(...page.entries);
      total = page.entries.length ? page.total : 0; // It may have shrunk meanwhile.
    }
    return found;
  }

  /**
   * Listen to the changes of the library, as long as somebody can see them.
   *
   * @param {boolean} isWanted
   */
  setListening(isWanted) {
    this.#isListening = isWanted;
    this.#stopListening();
    this.#stopListening = () => {};
    this.#watchScan();
    if (!isWanted) return;
    if (!this.results && !this.#next) this.refresh();
    this.#stopListening = listen(`${this.api.base}/events`, {
      changed: ({ generation }) => {
        this.#update(generation);
        this.owner.changed();
      },
      connection: (problem) => this.owner.connection(problem),
    });
  }

  close() {
    this.setListening(false);
    clearTimeout(this.#waitTimer);
    this.results?.close();
    this.#next?.close();
  }

  /** @param {number} generation What the server has by now, so it answers. */
  #update(generation) {
    if ((this.#next ?? this.results)?.problem) this.refresh();
    else if (this.#next) this.#newerGeneration = generation;
    else if (generation !== this.results?.summary?.generation) this.refresh();
  }

  /** Ask again while the first scan runs, which ends without an event where it finds nothing. */
  #watchScan() {
    clearTimeout(this.#progressTimer);
    if (this.#isListening && this.results?.summary?.progress)
      this.#progressTimer = setTimeout(() => this.refresh(), PROGRESS_MS);
  }

  /** @param {boolean} keepsPlace */
  #begin(keepsPlace) {
    // A refresh must not undo that a query, still on its way, will start at the top.
    this.#keepsPlace = keepsPlace && (this.#keepsPlace || !this.#next);
    this.#next?.close();
    this.#waitTimer ??= setTimeout(() => this.results && this.owner.wait(true), LONG_MS);
    const { first, end } = this.owner.capacity();
    const pageSize = Math.min(Math.max(LEAST_PAGE, end - first), this.largestPage);
    this.#next = new ResultPages(this.api, this.#parameters(), pageSize, (results) => this.#receive(results));
    if (this.#keepsPlace) this.#next.want(first, end);
    else this.#next.want(0, pageSize);
  }

  /** What asks the server for no more than what is wanted. */
  get filters() {
    const { filter, text, ...rest } = this.query;
    const asked = Object.fromEntries(Object.entries({ ...rest, query: text }).filter(([, value]) => value));
    return { ...FILTERS[filter].parameters, ...asked };
  }

  #parameters() {
    const { sort, order } = this.display;
    return { ...this.filters, sort, order };
  }

  /** @param {ResultPages} results */
  #receive(results) {
    this.owner.warn(results.problem);
    if (results.isOutdated) {
      this.refresh();
    } else if (results === this.results) {
      this.owner.render();
    } else if (results.isReady && !this.#searchesFurther(results)) {
      this.results?.close();
      this.results = results;
      this.#next = undefined;
      clearTimeout(this.#waitTimer);
      this.#waitTimer = undefined;
      this.owner.wait(false);
      this.owner.show(results, { keepsPlace: this.#keepsPlace });
      this.#watchScan();
      const newer = this.#newerGeneration;
      this.#newerGeneration = undefined;
      if (newer !== undefined) this.#update(newer);
    }
  }

  /**
   * Ask also for the rows by which the list grew or shrank, where what is seen must have gone.
   *
   * @param {ResultPages} results
   * @returns {boolean} Whether there is more to wait for.
   */
  #searchesFurther(results) {
    const grown = results.total - (this.results?.total ?? 0);
    if (!this.#keepsPlace || !this.results || Math.abs(grown) > FURTHEST) return false;
    if (this.owner.holdsPlace(results)) return false;
    const { first, end } = this.owner.capacity();
    results.want(Math.max(0, first + Math.min(grown, 0)), end + Math.max(grown, 0));
    return !results.isReady;
  }
}
