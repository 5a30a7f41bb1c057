/**
 * Call the library's HTTP API, which docs/api.md describes.
 */

import { ask, patient, send, upload } from "./request.mjs";

/** @typedef {import("./answers.mjs").Changes} Changes */
/** @typedef {import("./answers.mjs").Completion} Completion */
/** @typedef {import("./answers.mjs").Details} Details */
/** @typedef {import("./answers.mjs").Entry} Entry */
/** @typedef {import("./answers.mjs").EntryChoices} EntryChoices */
/** @typedef {import("./answers.mjs").FoundFolder} FoundFolder */
/** @typedef {import("./answers.mjs").Host} Host */
/** @typedef {import("./answers.mjs").Parameters} Parameters */
/** @typedef {import("./answers.mjs").Prompts} Prompts */
/** @typedef {import("./answers.mjs").Reports} Reports */
/** @typedef {import("./answers.mjs").ResultPage} ResultPage */
/** @typedef {import("./answers.mjs").Trash} Trash */
/** @typedef {import("./answers.mjs").Trashed} Trashed */

export class Api {
  /** @param {string} [base] The beginning of all addresses; none names the server or a folder above the page.
  */
  constructor(base = "lib-embeddings/v1") {
    this.base = base;
  }

  /** @returns {Promise<Host>} */
  host() {
    return this.#ask("/host");
  }

  /**
   * @param {Parameters} parameters
   * @param {AbortSignal} signal
   * @returns {Promise<ResultPage>}
   */
  entries(parameters, signal) {
    return this.#ask(`/entries?${asSearch(parameters)}`, { signal: patient(signal) });
  }

  /**
   * @param {Parameters} filters
   * @returns {Promise<FoundFolder[]>} Each parent before its children.
   */
  async folders(filters) {
    return (await this.#ask(`/folders?${asSearch(filters)}`)).folders;
  }

  /** @returns {Promise<string[]>} */
  async names() {
    return (await this.#ask("/names")).names;
  }

  /** @param {string} id @returns {Promise<Details>} */
  entry(id) {
    return this.#ask(`/entries/${encodeURIComponent(id)}`);
  }

  /**
   * @param {string} id
   * @param {EntryChoices} choices
   * @returns {Promise<Entry>}
   */
  choose(id, choices) {
    return this.#send("PATCH", `/entries/${encodeURIComponent(id)}`, choices);
  }

  /**
   * Rename a file and everything beside it that belongs to it.
   *
   * @param {string} id
   * @param {string} name
   * @returns {Promise<Entry>} It has a new id.
   */
  rename(id, name) {
    return this.#send("POST", `/entries/${encodeURIComponent(id)}/rename`, { name });
  }

  /**
   * Move a file and everything that belongs to it to another folder.
   *
   * @param {string} id
   * @param {string} folder Its id.
   * @param {string} [new_folder] The name of a folder in it, or several with `/` between them; what is not there is made.
   * @returns {Promise<Entry>} It has a new id.
   */
  move(id, folder, new_folder = "") {
    return this.#send("POST", `/entries/${encodeURIComponent(id)}/move`, { folder, new_folder });
  }

  /** @param {string} id Of a file that goes to the trash with everything that belongs to it. @returns
  {Promise<Trashed>} */
  delete(id) {
    return this.#ask(`/entries/${encodeURIComponent(id)}`, { method: "DELETE" });
  }

  /** @returns {Promise<Trash>} */
  trash() {
    return this.#ask("/trash");
  }

  /** @param {string} id Of an item in the trash. @returns {Promise<Entry>} */
  restore(id) {
    return this.#ask(`/trash/${encodeURIComponent(id)}/restore`, { method: "POST" });
  }

  /** @returns {Promise<Trash>} */
  emptyTrash() {
    return this.#ask("/trash", { method: "DELETE" });
  }

  /**
   * Add files to the folder with an id: embeddings, and files beside them, which have no entries.
   *
   * @param {{path: string, content: Blob}[]} files Each with its future path below the folder.
   * @param {string} folder
   * @param {(done: number) => void} [progress] Called with the number of bytes that have arrived.
   * @param {AbortSignal} [signal]
   * @returns {Promise<{entry: Entry | null, reason: string | null}[]>} For each its entry, or why it was not
   *   kept.
   */
  async add(files, folder, progress, signal) {
    return (await upload(`${this.base}/files?${new URLSearchParams({ folder })}`, files, progress, signal)).files;
  }

  /**
   * Ask for the reports of prompts.
   *
   * @param {Prompts} prompts
   * @returns {Promise<Reports>}
   */
  report(prompts) {
    return this.#send("POST", "/prompt", prompts);
  }

  /**
   * Return the completions of a typed text, best first.
   *
   * @param {string} text
   * @param {string[]} recent The names that were used last; among equals they come first.
   * @returns {Promise<Completion[]>}
   */
  async completions(text, recent) {
    const parameters = new URLSearchParams([["text", text], ...recent.map((name) => ["recent", name])]);
    return (await this.#ask(`/completions?${parameters}`)).completions;
  }

  /** @param {string} title Of the family to make active, or `none`; only the small app has this. */
  chooseModel(title) {
    return this.#ask(`/model?${new URLSearchParams({ title })}`, { method: "POST" });
  }

  /** @returns {Promise<Changes>} */
  rescan() {
    return this.#ask("/rescan", { method: "POST" });
  }

  /**
   * Return the address of an entry's picture, or of its examples.
   *
   * @param {{id: string, preview?: string | null, examples?: string | null}} entry One that has such a picture.
   * @param {number} [width] In pixels of the screen; without it, the widest there is.
   * @param {"preview" | "examples"} [kind]
   */
  preview(entry, width, kind = "preview") {
    const search = asSearch({ v: entry[kind] ?? "", ...(width && { width }) });
    return `${this.base}/${kind}/${encodeURIComponent(entry.id)}?${search}`;
  }

  /** @param {Entry} entry @returns The address of its video. */
  video({ id, video }) {
    return video && `${this.base}/video/${encodeURIComponent(id)}?${new URLSearchParams({ v: video })}`;
  }

  /** @param {string} id Of a file to show in its folder. @returns {Promise<void>} */
  reveal(id) {
    return this.#ask(`/entries/${encodeURIComponent(id)}/reveal`, { method: "POST" });
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} body
   */
  #send(method, path, body) {
    return send(method, this.base + path, body);
  }

  /**
   * @param {string} path
   * @param {RequestInit} [request]
   */
  #ask(path, request) {
    return ask(this.base + path, request);
  }
}

/** @param {Parameters} parameters */
function asSearch(parameters) {
  return new URLSearchParams(Object.entries(parameters).map(([key, value]) => [key, String(value)]));
}
