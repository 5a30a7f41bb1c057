/**
 * Embeddings from elsewhere, in the library's HTTP API: what brings them, and what finds them.
 */

import { ask, send } from "../request.mjs";

/**
 * @typedef {object} OwnOfSites What its jobs have of their own.
 * @property {"add" | "identify"} kind
 * @property {{kind: "name" | "files" | "keep_wrong_hash", choices: Choice[]} | null} question
 * @property {Result | null} result
 */

/** @typedef {Omit<import("../jobs.mjs").Job, keyof OwnOfSites> & OwnOfSites} Job */
/** @typedef {{name?: string, file?: string, filename?: string, title?: string, bytes?: number | null}} Choice */
/** @typedef {{name?: string, files?: string[], keep_wrong_hash?: true}} Answer */

/**
 * @typedef {object} Result What came of a job: of an embedding that was brought, or of files that were asked about.
 * @property {string | null} [id]
 * @property {string} [name]
 * @property {boolean} [is_new]
 * @property {number} [asked]
 * @property {number} [known]
 * @property {string[]} warnings
 */

/**
 * @typedef {object} Offer What a search found.
 * @property {string} word By which its picture is asked for.
 * @property {string} source
 * @property {string} title
 * @property {string} page
 * @property {string} reference What brings it.
 * @property {string[]} trigger_words
 * @property {string | null} base_model
 * @property {string[]} families
 * @property {string | null} author
 * @property {boolean} general Whether it is for everybody.
 * @property {boolean} picture Whether it has one.
 */

/** @typedef {{source: string, text: string, family: string, sort: string, cursor: string, general: boolean}} SearchQuery */

export class Sites {
  /** @param {string} base */
  constructor(base) {
    this.base = base;
  }

  /**
   * Bring what a reference means.
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
   * Ask Civitai what files are.
   *
   * @param {string[]} [ids] None for all of which nothing is known.
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

  /** @param {string} word @returns {Promise<string | null>} What a concept is: an object or a style. */
  async kind(word) {
    return (await ask(`${this.base}/offers/${word}`)).kind;
  }

  /** @param {string} word */
  picture(word) {
    return `${this.base}/offers/${word}/picture`;
  }
}
