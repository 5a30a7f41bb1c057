/**
 * Hear of changes in the library, over one connection for all tabs of the page.
 *
 * A browser opens no more than six connections to one host, so there is one only while the
 * page is visible and somebody listens.
 */

/** @typedef {import("./api.mjs").Changes} Changes */

/**
 * @typedef {object} Listener
 * @property {(changes: Changes) => void} changed Called after connecting, and for every change.
 * @property {(isConnected: boolean) => void} connection Called when it is lost, and when it is back.
 */

// The server ends every stream now and then, and the browser is back within a few seconds.
const PATIENCE_MS = 6000;
const RETRY_MS = 5000;

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
  #patience;
  /** @type {number | undefined} */
  #retry;
  #isConnected = true;

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
    this.#disconnect(); // Every listener is told the generation that it begins with.
    this.#connectIfWanted();
    return () => {
      this.#listeners.delete(listener);
      this.#connectIfWanted();
    };
  }

  #connectIfWanted() {
    if (document.visibilityState !== "visible" || !this.#listeners.size) this.#disconnect();
    else if (!this.#source) this.#connect();
  }

  #connect() {
    this.#source = new EventSource(this.address);
    this.#source.addEventListener("generation", ({ data }) => this.#hear(JSON.parse(data)));
    this.#source.addEventListener("error", () => this.#miss());
  }

  #disconnect() {
    clearTimeout(this.#patience);
    clearTimeout(this.#retry);
    this.#patience = undefined;
    this.#source?.close();
    this.#source = undefined;
  }

  /** @param {Changes} changes */
  #hear(changes) {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#tell(true);
    for (const listener of this.#listeners) listener.changed(changes);
  }

  #miss() {
    this.#patience ??= setTimeout(() => this.#tell(false), PATIENCE_MS);
    // After a refusal the browser gives up; after a broken connection it tries again itself.
    if (this.#source?.readyState !== EventSource.CLOSED) return;
    this.#source = undefined;
    this.#retry = setTimeout(() => this.#connectIfWanted(), RETRY_MS);
  }

  /** @param {boolean} isConnected */
  #tell(isConnected) {
    if (this.#isConnected === isConnected) return;
    this.#isConnected = isConnected;
    for (const listener of this.#listeners) listener.connection(isConnected);
  }
}
