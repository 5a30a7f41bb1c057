/**
 * Speak with the library's HTTP API, which docs/api.md describes.
 */

import { ask, patient, send, upload } from "./request.mjs";

/** @typedef {"ok" | "duplicate" | "broken" | "unsafe" | "foreign"} State */
/** @typedef {"usable" | "partial" | "incompatible" | "unknown"} Fit */
/** @typedef {import("./answers.mjs").Completion} Completion */
/** @typedef {import("./answers.mjs").Field} Field */
/** @typedef {import("./answers.mjs").Prompts} Prompts */
/** @typedef {import("./answers.mjs").Reports} Reports */
/** @typedef {Record<State | Fit | "favourite" | "hidden" | "all", number>} Counts A file and its duplicates are one of all. */
/** @typedef {{n_vectors: number, hidden_size: number, dtype: string}} VectorsInfo */
/** @typedef {{id: string, title: string, depth: number, count: number}} Folder */
/** @typedef {Folder & {found: number}} FoundFolder With how many entries a click on it shows. */
/** @typedef {{key: string, title: string}} Family */

/**
 * @typedef {object} Limits
 * @property {number} prompt_characters In a prompt that is reported on.
 * @property {number} chunk_tokens That a text encoder reads at once.
 * @property {number} steps Of a picture.
 * @property {number} page Entries in one answer.
 * @property {number} completions In one answer.
 * @property {number} ids In one request.
 * @property {number} file_bytes Of a file that is added.
 */

/**
 * @typedef {object} Host What the page asks once, at its start.
 * @property {string} host
 * @property {string | null} version
 * @property {string[]} tabs Those with prompt fields.
 * @property {string} separator What parts a name from others.
 * @property {boolean} may_reveal Whether it may show a file in its folder.
 * @property {boolean} may_learn Whether this page may let words be learned.
 * @property {boolean} may_change_files Whether this page may rename, move, delete and add files.
 * @property {import("./answers.mjs").Tries | null} tries Null where this page may try nothing.
 * @property {Searchable[]} searchable Where embeddings can be searched for; empty where this page may get none.
 * @property {string[]} endings Those of the files that may be added.
 * @property {string[]} endings_beside Those of what may lie beside one of them.
 * @property {Family[]} families
 * @property {Limits} limits
 */

/** @typedef {{key: string, title: string, sorts: string[], families: boolean}} Searchable */
/** @typedef {import("./answers.mjs").Claims} Claims */
/** @typedef {{id: string, path: string, same_bytes: boolean | null, is_grouped: boolean}} Twin Another file with the same name. */

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} name
 * @property {string} path Relative to its root.
 * @property {State} state
 * @property {Fit | null} fit
 * @property {string | null} reason
 * @property {string | null} container
 * @property {string | null} layout
 * @property {string | null} stored_name
 * @property {string[]} families
 * @property {Record<string, VectorsInfo>} vectors
 * @property {number} bytes
 * @property {string[]} warnings
 * @property {string | null} proposal A better name.
 * @property {number} n_vectors
 * @property {number} mtime In seconds.
 * @property {string} folder
 * @property {Twin[]} twins
 * @property {string | null} preview A word that changes with the picture; null without one.
 * @property {string | null} video The same for a video.
 * @property {string | null} examples The same for the pictures that it was learned from.
 * @property {string} notes
 * @property {string} description
 * @property {string} trigger_words
 * @property {boolean} favourite
 * @property {boolean} use_partial
 * @property {boolean} hidden
 * @property {Field} field Where the name belongs.
 * @property {Field | null} chosen_field Null where nobody chose: then the name tells.
 * @property {Claims | null} claims Null where nobody says anything.
 */

/** @typedef {Record<"notes" | "description" | "trigger_words", string>} Texts What somebody wrote beside a file. */

/**
 * @typedef {object} Inside What is known only after the file was opened.
 * @property {import("./answers.mjs").Kind} kind What it is for.
 * @property {Texts} texts As they are written.
 * @property {string | null} sha256
 * @property {Record<string, string | number>} metadata
 * @property {Record<string, string>} tensors
 * @property {Record<string, Record<string, number>>} values
 * @property {Record<string, string>} health What its vectors are beside those of words, by text encoder.
 * @property {Record<string, string>} near_words Those of the model that paints, where it is loaded.
 * @property {Record<string, Record<string, number>>} bundled
 * @property {string} [full_path] Only for clients on the same machine.
 */
/** @typedef {Entry & Inside} Details */
/**
 * @typedef {object} LibrarySummary What is true of the whole library, whatever page was asked for.
 * @property {number} generation
 * @property {string | null} model
 * @property {string | null} model_title
 * @property {string | null} by_family How many are for which family; null where a model is active.
 * @property {string[]} roots
 * @property {string[]} missing_roots Those that are not there now.
 * @property {Counts} counts
 * @property {Record<string, number>} families How many entries each model family can use; no key means none.
 * @property {Folder | null} folder The one that was asked for, or else the first root.
 * @property {Counts} found How many of each kind a click on its filter would show.
 * @property {number} total How many entries pass the filters.
 * @property {{read: number, total: number} | null} scanning How far the scan is that reads files now; null where none does.
 */
/** @typedef {LibrarySummary & {entries: Entry[]}} ResultPage */
/** @typedef {{generation: number, added: number, modified: number, deleted: number}} Changes */
/** @typedef {Record<string, string | number>} Parameters */
/** @typedef {{favourite?: boolean, use_partial?: boolean, hidden?: boolean, field?: Field | "auto"}} EntryChoices */

/** @typedef {{id: string, name: string, path: string, deleted: number, bytes: number}} Trashed A file in the trash. */
/** @typedef {{total: number, bytes: number, items: Trashed[]}} Trash Of which the newest items are told. */

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
