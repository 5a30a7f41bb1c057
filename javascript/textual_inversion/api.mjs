/**
 * Speak with the library's HTTP API, which docs/api.md describes.
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
  /** @param {string} [base] All addresses begin with it; none names the server or a folder above the page. */
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
   * Rename a file and all that is beside it.
   *
   * @param {string} id
   * @param {string} name
   * @returns {Promise<Entry>} It has a new id.
   */
  rename(id, name) {
    return this.#send("POST", `/entries/${encodeURIComponent(id)}/rename`, { name });
  }

  /**
   * Move a file and all that is beside it to another folder.
   *
   * @param {string} id
   * @param {string} folder Its id.
   * @param {string} [new_folder] The name of one in it, which is made if it is not there.
   * @returns {Promise<Entry>} It has a new id.
   */
  move(id, folder, new_folder = "") {
    return this.#send("POST", `/entries/${encodeURIComponent(id)}/move`, { folder, new_folder });
  }

  /** @param {string} id Of a file that goes to the trash with all that is beside it. @returns {Promise<Trashed>} */
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
   * Add files to the folder with an id, embeddings with what lies beside them, which has no entry.
   *
   * @param {{path: string, content: Blob}[]} files Each with where it shall lie below the folder.
   * @param {string} folder
   * @param {(done: number) => void} [progress] Called with the bytes of them that have arrived.
   * @param {AbortSignal} [signal]
   * @returns {Promise<{entry: Entry | null, reason: string | null}[]>} For each why it was not kept, or what it is.
   */
  async add(files, folder, progress, signal) {
    return (await upload(`${this.base}/files?${new URLSearchParams({ folder })}`, files, progress, signal)).files;
  }

  /**
   * Ask what prompts use.
   *
   * @param {Prompts} prompts
   * @returns {Promise<Reports>}
   */
  report(prompts) {
    return this.#send("POST", "/prompt", prompts);
  }

  /**
   * Return the embeddings whose names a typed text may become, best first.
   *
   * @param {string} text
   * @returns {Promise<Completion[]>}
   */
  async completions(text) {
    return (await this.#ask(`/completions?${new URLSearchParams({ text })}`)).completions;
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
   * Return the address of an entry's picture, or of those that it was learned from.
   *
   * @param {Entry} entry One that has it.
   * @param {number} [width] In pixels of the screen; without it, as wide as there are pictures.
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

  /** @param {string} id Of a file that is to be shown in its folder. @returns {Promise<void>} */
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
