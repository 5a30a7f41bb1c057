/**
 * Embeddings from elsewhere, in the library's HTTP API: to search for them, and to get them.
 */

import { ask, send } from "../request.mjs";

/**
 * @typedef {object} OwnOfSites The properties that only its jobs have.
 * @property {"add" | "identify"} kind
 * @property {{kind: "name" | "files" | "keep_wrong_hash", choices: Choice[]} | null} question
 * @property {Result | null} result
 */

/** @typedef {Omit<import("../jobs.mjs").Job, keyof OwnOfSites> & OwnOfSites} Job */
/** @typedef {{name?: string, file?: string, filename?: string, title?: string, bytes?: number | null}} Choice */
/** @typedef {{name?: string, files?: string[], keep_wrong_hash?: true}} Answer */

/**
 * @typedef {object} Result The result of a job: an embedding that was downloaded, or files that were
 *   identified.
 * @property {string | null} [id]
 * @property {string} [name]
 * @property {boolean} [is_new]
 * @property {number} [asked]
 * @property {number} [known]
 * @property {string[]} warnings
 */

/**
 * @typedef {object} Offer A result of a search.
 * @property {string} word Identifies its picture in the API.
 * @property {string} source
 * @property {string} title
 * @property {string} page
 * @property {string} reference To get it with.
 * @property {string[]} trigger_words
 * @property {string | null} base_model
 * @property {string[]} families
 * @property {string | null} author
 * @property {boolean} general Whether it is suitable for everybody.
 * @property {boolean} picture Whether it has one.
 */

/** @typedef {{source: string, text: string, family: string, sort: string, cursor: string, general: boolean}} SearchQuery */

export class Sites {
  /** @param {string} base */
  constructor(base) {
    this.base = base;
  }

  /**
   * Get the embedding that a reference means.
   *
   * @param {string} reference
   * @param {string} folder Its id.
   * @param {boolean} [byToken] Whether a concept is called by its token.
   * @returns {Promise<Job>}
   */
  add(reference, folder, byToken = false) {
    return send("POST", `${this.base}/add`, { reference, folder, by_token: byToken });
  }

  /**
   * Ask Civitai about files.
   *
   * @param {string[]} [ids] None for all unknown files.
   * @returns {Promise<Job>}
   */
  identify(ids) {
    return send("POST", `${this.base}/identify`, ids ? { ids } : {});
  }

  /**
   * @param {SearchQuery} query
   * @returns {Promise<{found: Offer[], cursor: string | null}>}
   */
  search(query) {
    return send("POST", `${this.base}/search`, query);
  }

  /** @param {string} word @returns {Promise<string | null>} The kind of a concept: an object or a style. */
  async kind(word) {
    return (await ask(`${this.base}/offers/${word}`)).kind;
  }

  /** @param {string} word */
  picture(word) {
    return `${this.base}/offers/${word}/picture`;
  }
}
