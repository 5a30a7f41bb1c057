/**
 * Things that people make themselves, in the library's HTTP API: pictures and texts beside files, and sets.
 */

import { ask, send } from "./request.mjs";

/** @typedef {import("./answers.mjs").Entry} Entry */
/** @typedef {import("./answers.mjs").Limits} Limits */
/** @typedef {import("./answers.mjs").Texts} Texts */
/** @typedef {Partial<Record<keyof Texts, {before: string, after: string}>>} TextEdits */
/** @typedef {import("./answers.mjs").Member} Member */
/** @typedef {import("./answers.mjs").KnownMember} KnownMember */
/** @typedef {{name: string, members: KnownMember[]}} EmbeddingSet */

export class Own {
  /**
   * @param {string} base
   * @param {Limits} limits
   */
  constructor(base, limits) {
    this.base = base;
    this.limits = limits;
  }

  /**
   * Make a picture the preview of an embedding.
   *
   * @param {string} id
   * @param {Blob} picture
   * @returns {Promise<Entry & {undo: string}>}
   */
  putPreview(id, picture) {
    return ask(`${this.#entry(id)}/preview`, { method: "PUT", body: picture });
  }

  /**
   * @param {string} id
   * @param {string} undo The word in the answer of `putPreview`.
   * @returns {Promise<Entry>}
   */
  undoPreview(id, undo) {
    return send("POST", `${this.#entry(id)}/preview/undo`, { undo });
  }

  /**
   * @param {string} id
   * @param {TextEdits} edits
   * @returns {Promise<Entry>}
   */
  writeTexts(id, edits) {
    return send("PATCH", `${this.#entry(id)}/texts`, edits);
  }

  /**
   * Mark files as favourites or unmark them, in requests as large as the server accepts.
   *
   * @param {string[]} ids
   * @param {boolean} favourite
   */
  async mark(ids, favourite) {
    const most = this.limits.ids;
    for (let at = 0; at < ids.length; at += most)
      await send("PATCH", `${this.base}/entries`, { ids: ids.slice(at, at + most), favourite });
  }

  /** @returns {Promise<EmbeddingSet[]>} */
  async sets() {
    return (await ask(`${this.base}/sets`)).sets;
  }

  /**
   * Make a set, or replace one.
   *
   * @param {string} name
   * @param {Member[]} members
   */
  putSet(name, members) {
    return send("PUT", this.#set(name), { members: members.map(({ name, field, weight }) => ({ name, field, weight })) });
  }

  /**
   * @param {string} name
   * @param {string} newName
   */
  renameSet(name, newName) {
    return send("PATCH", this.#set(name), { name: newName });
  }

  /** @param {string} name */
  deleteSet(name) {
    return ask(this.#set(name), { method: "DELETE" });
  }

  /** @param {string} id */
  #entry(id) {
    return `${this.base}/entries/${encodeURIComponent(id)}`;
  }

  /** @param {string} name */
  #set(name) {
    return `${this.base}/sets?${new URLSearchParams({ name })}`;
  }
}
