/**
 * Follow changes of the library over one connection for all tabs of the page.
 *
 * A browser opens no more than six connections to one host, so there is one only while the page is visible and
 * has listeners. A lost connection is made again, also where the server refuses: it may be starting, and have
 * no routes of ours yet.
 */

import { phrase } from "./phrases.mjs";

/** @typedef {import("./answers.mjs").Changes} Changes */

/**
 * @typedef {object} Listener
 * @property {(changes: Changes) => void} changed Called after connecting, and for every change.
 * @property {(problem: string) => void} connection Called when it is lost, and with an empty text when it is
 *   back.
 * @property {(job: any) => void} [job] Called with each present job, and whenever one changes.
 */

// The server ends every stream after a while, and the page connects again within seconds.
const LOSS_MS = 6000;
// Between two tries; each wait is twice as long as the last.
const [SHORTEST_MS, LONGEST_MS] = [1000, 60_000];
const REFUSALS = [403, 404];
// A server that still refuses after as many tries, in a minute, is not just starting.
const STARTING_TRIES = 6;

const LOST = phrase("Not connected. Trying again …");
const REFUSED = phrase("The server no longer has embeddings for this page. Reload it.");

/** @type {Map<string, Feed>} */
const feeds = new Map();

/**
 * Listen until the returned function is called.
 *
 * @param {string} address
 * @param {Listener} listener
 * @returns {() => void}
 */
export function listen(address, listener) {
  const feed = feeds.get(address) ?? new Feed(address);
  feeds.set(address, feed);
  return feed.add(listener);
}

class Feed {
  /** @type {Set<Listener>} */
  #listeners = new Set();
  /** @type {EventSource | undefined} */
  #source;
  /** @type {number | undefined} */
  #lossTimer;
  /** @type {number | undefined} */
  #retryTimer;
  #waitMs = SHORTEST_MS;
  /** In a row. */
  #refusals = 0;
  #problem = "";

  /** @param {string} address */
  constructor(address) {
    this.address = address;
    document.addEventListener("visibilitychange", () => this.#connectIfWanted());
  }

  /**
   * @param {Listener} listener
   * @returns {() => void}
   */
  add(listener) {
    this.#listeners.add(listener);
    if (this.#problem) listener.connection(this.#problem);
    // A new connection sends the present generation to every listener; a server that refuses has none.
    if (this.#problem !== REFUSED) this.#disconnect();
    this.#connectIfWanted();
    return () => {
      this.#listeners.delete(listener);
      this.#connectIfWanted();
    };
  }

  #connectIfWanted() {
    if (document.visibilityState !== "visible" || !this.#listeners.size) this.#disconnect();
    else if (!this.#source && this.#retryTimer === undefined) this.#connect();
  }

  #connect() {
    this.#source = new EventSource(this.address);
    this.#source.addEventListener("generation", ({ data }) => this.#onGeneration(JSON.parse(data)));
    this.#source.addEventListener("job", ({ data }) => this.#onJob(JSON.parse(data)));
    this.#source.addEventListener("error", () => this.#onError());
  }

  #disconnect() {
    clearTimeout(this.#lossTimer);
    clearTimeout(this.#retryTimer);
    this.#lossTimer = this.#retryTimer = undefined;
    this.#source?.close();
    this.#source = undefined;
  }

  /** @param {Changes} changes */
  #onGeneration(changes) {
    clearTimeout(this.#lossTimer);
    this.#lossTimer = undefined;
    this.#waitMs = SHORTEST_MS;
    this.#refusals = 0;
    this.#setProblem("");
    for (const listener of this.#listeners) listener.changed(changes);
  }

  /** @param {any} job */
  #onJob(job) {
    for (const listener of this.#listeners) listener.job?.(job);
  }

  async #onError() {
    this.#lossTimer ??= setTimeout(() => this.#setProblem(LOST), LOSS_MS);
    const isClosed = this.#source?.readyState === EventSource.CLOSED;
    this.#source?.close(); // The browser would go on at its own fixed pace.
    this.#source = undefined;
    this.#retryLater();
    const isRefusal = isClosed && (await isRefused(this.address));
    this.#refusals = isRefusal ? this.#refusals + 1 : 0;
    if (this.#refusals === 1) {
      this.#waitMs = SHORTEST_MS; // It is there again, however long it was away.
      this.#retryLater();
    }
    if (this.#refusals > STARTING_TRIES) this.#setProblem(REFUSED);
  }

  #retryLater() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#connectIfWanted();
    }, this.#waitMs);
    this.#waitMs = Math.min(2 * this.#waitMs, LONGEST_MS);
  }

  /** @param {string} problem */
  #setProblem(problem) {
    if (this.#problem === problem) return;
    this.#problem = problem;
    for (const listener of this.#listeners) listener.connection(problem);
  }
}

/**
 * Return whether a server refuses an address, which a browser does not report for an event source.
 *
 * @param {string} address
 */
async function isRefused(address) {
  const asking = new AbortController();
  const status = await fetch(address, { signal: asking.signal }).then(
    (response) => response.status,
    () => 0,
  );
  asking.abort();
  return REFUSALS.includes(status);
}
