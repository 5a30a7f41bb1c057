/**
 * The entries that one search finds, fetched page by page as they are wanted.
 */

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../answers.mjs").Entry} Entry */
/** @typedef {import("../answers.mjs").LibrarySummary} LibrarySummary */
/** @typedef {import("../answers.mjs").Parameters} Parameters */
/** @typedef {import("../answers.mjs").ResultPage} ResultPage */

const MOST_REQUESTS = 2;
const LONGEST_RETRY_MS = 16_000;

export class ResultPages {
  /** @type {Map<number, Entry[]>} */
  #pages = new Map();
  /** @type {Set<number>} */
  #asked = new Set();
  #firstWanted = 0;
  #lastWanted = 0;
  #failures = 0;
  #closing = new AbortController();

  /** @type {LibrarySummary | undefined} */
  summary;
  /** @type {Error | undefined} Why the last request failed. */
  problem;
  /** Whether the library changed between two pages, so that they do not belong together. */
  isOutdated = false;

  /**
   * @param {Api} api
   * @param {Parameters} parameters
   * @param {number} pageSize
   * @param {(pages: ResultPages) => void} changed Called when a page came, or failed to.
   */
  constructor(api, parameters, pageSize, changed) {
    this.api = api;
    this.parameters = parameters;
    this.pageSize = pageSize;
    this.changed = changed;
  }

  get total() {
    return this.summary?.total ?? 0;
  }

  /** Whether all that was wanted last is here. */
  get isReady() {
    return this.summary !== undefined && this.#missing().next().done === true;
  }

  /**
   * @param {number} index
   * @returns {Entry | undefined}
   */
  at(index) {
    return this.#pages.get(Math.floor(index / this.pageSize))?.[index % this.pageSize];
  }

  /**
   * Return where an entry is among those fetched, or -1.
   *
   * @param {string | undefined} id
   */
  indexOf(id) {
    for (const [page, entries] of this.#pages) {
      const index = entries.findIndex((entry) => entry.id === id);
      if (index >= 0) return page * this.pageSize + index;
    }
    return -1;
  }

  /**
   * Fetch what is missing of a range, and forget the range that was wanted before.
   *
   * @param {number} first
   * @param {number} end Behind the last.
   */
  want(first, end) {
    this.#firstWanted = Math.floor(first / this.pageSize);
    this.#lastWanted = Math.floor(Math.max(first, end - 1) / this.pageSize);
    this.#askForMissing();
  }

  /**
   * Put a changed entry in its old one's place.
   *
   * @param {Entry} entry
   * @param {string} id The old one's.
   */
  replace(entry, id) {
    const index = this.indexOf(id);
    if (index >= 0) this.#pages.get(Math.floor(index / this.pageSize))?.splice(index % this.pageSize, 1, entry);
  }

  close() {
    this.#closing.abort();
  }

  /** The pages that are wanted and not here; all that are wanted, until it is known how many there are. */
  *#missing() {
    const end = this.summary ? Math.ceil(this.total / this.pageSize) : Infinity;
    for (let page = this.#firstWanted; page <= this.#lastWanted && page < end; page += 1) {
      if (!this.#pages.has(page)) yield page;
    }
  }

  #askForMissing() {
    for (const page of this.#missing()) {
      if (this.#asked.size >= MOST_REQUESTS) return;
      if (!this.#asked.has(page)) this.#ask(page);
    }
  }

  /** @param {number} page */
  async #ask(page) {
    const { signal } = this.#closing;
    this.#asked.add(page);
    try {
      const parameters = { ...this.parameters, offset: page * this.pageSize, limit: this.pageSize };
      this.#accept(page, await this.api.entries(parameters, signal));
    } catch (error) {
      if (!signal.aborted) this.#retry(/** @type {Error} */ (error));
    } finally {
      this.#asked.delete(page);
    }
    if (signal.aborted) return;
    this.changed(this);
    if (!this.problem) this.#askForMissing();
  }

  /**
   * @param {number} number
   * @param {ResultPage} page
   */
  #accept(number, { entries, ...summary }) {
    this.isOutdated ||= this.summary !== undefined && this.summary.generation !== summary.generation;
    this.summary = summary;
    this.#pages.set(number, entries);
    this.#failures = 0;
    this.problem = undefined;
  }

  /** @param {Error} problem */
  #retry(problem) {
    this.problem = problem;
    this.#failures += 1;
    const wait = Math.min(500 * 2 ** this.#failures, LONGEST_RETRY_MS);
    const timer = setTimeout(() => this.#askForMissing(), wait);
    this.#closing.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }
}

/**
 * Find where an entry went in newer results, or else the next one behind it that is in both.
 *
 * @param {ResultPages | undefined} former
 * @param {ResultPages} newer
 * @param {number} index Of the entry in the former results.
 * @param {number} [gap] The former index of the one behind it, if it had left the list before.
 * @returns {{active: number, gap: number | undefined}} The same for the newer results.
 */
export function follow(former, newer, index, gap) {
  const start = gap ?? index;
  const isKnown = gap !== undefined || former?.at(start) !== undefined;
  for (let at = start; former?.at(at); at += 1) {
    const active = newer.indexOf(former.at(at)?.id);
    if (active >= 0) return { active, gap: at > start || gap !== undefined ? active : undefined };
  }
  return { active: start, gap: isKnown ? Math.min(start, newer.total) : undefined };
}
