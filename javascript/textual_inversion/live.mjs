/**
 * Follow changes of the library, over one connection for all tabs of the page.
 *
 * A browser opens no more than six connections to one host, so there is one only while the
 * page is visible and has listeners.
 */

/** @typedef {import("./api.mjs").Changes} Changes */

/**
 * @typedef {object} Listener
 * @property {(changes: Changes) => void} changed Called after connecting, and for every change.
 * @property {(isConnected: boolean) => void} connection Called when it is lost, and when it is back.
 */

// The server ends every stream after a while, and the browser connects again within seconds.
const LOSS_MS = 6000;
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
  #lossTimer;
  /** @type {number | undefined} */
  #retryTimer;
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
    this.#disconnect(); // A new connection sends the present generation to every listener.
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
    this.#source.addEventListener("generation", ({ data }) => this.#onGeneration(JSON.parse(data)));
    this.#source.addEventListener("error", () => this.#onError());
  }

  #disconnect() {
    clearTimeout(this.#lossTimer);
    clearTimeout(this.#retryTimer);
    this.#lossTimer = undefined;
    this.#source?.close();
    this.#source = undefined;
  }

  /** @param {Changes} changes */
  #onGeneration(changes) {
    clearTimeout(this.#lossTimer);
    this.#lossTimer = undefined;
    this.#setConnected(true);
    for (const listener of this.#listeners) listener.changed(changes);
  }

  #onError() {
    this.#lossTimer ??= setTimeout(() => this.#setConnected(false), LOSS_MS);
    // After a refusal the browser gives up; after a broken connection it tries again by itself.
    if (this.#source?.readyState !== EventSource.CLOSED) return;
    this.#source = undefined;
    this.#retryTimer = setTimeout(() => this.#connectIfWanted(), RETRY_MS);
  }

  /** @param {boolean} isConnected */
  #setConnected(isConnected) {
    if (this.#isConnected === isConnected) return;
    this.#isConnected = isConnected;
    for (const listener of this.#listeners) listener.connection(isConnected);
  }
}
