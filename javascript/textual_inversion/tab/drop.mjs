/**
 * Take in files that are dropped onto the page, which stays as it is whatever is dropped.
 */

import { dialog, element, setAttribute, showOver } from "../page.mjs";
import { counted, number, sentenceCase, SITES, size } from "../words.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../api.mjs").Host} Host */
/** @typedef {import("../api.mjs").Folder} Folder */

/** Of one drop; who has more puts them into the folder. */
const MOST_FILES = 100;

/**
 * @typedef {object} Owner
 * @property {() => Folder | null | undefined} folder Returns the one that files are added to.
 * @property {() => unknown} added Called when files were added.
 * @property {(link: string) => unknown} linked Called when a link was dropped.
 */

/** Adds files to the folder that is chosen, one after another, and says of each how it went. */
export class Drops {
  #summary = element("p", { class: "summary", role: "status" });
  #list = element("ul", { class: "sentences", "aria-label": "Files" });

  /**
   * @param {Api} api
   * @param {Host} host
   * @param {Owner} owner
   */
  constructor(api, host, owner) {
    this.api = api;
    this.host = host;
    this.owner = owner;
    this.root = dialog("Dropped files", "dropped", this.#summary, this.#list);
  }

  /**
   * Keep the browser from opening what is dropped anywhere, and add what is dropped onto a part of the page.
   *
   * Others come first: who has taken a drop by then keeps it.
   *
   * @param {HTMLElement} part
   * @param {AbortSignal} signal
   */
  watch(part, signal) {
    const isOver = (/** @type {DragEvent} */ { target }) =>
      this.host.may_change_files && part.contains(/** @type {Node | null} */ (target));
    const mark = (/** @type {string | null} */ text) => setAttribute(part, "data-drop", text);
    let isFromHere = false;
    document.addEventListener("dragstart", () => (isFromHere = true), { signal });
    document.addEventListener("dragend", () => (isFromHere = false), { signal });
    const isLink = (/** @type {DragEvent} */ event) => {
      const hasLink = event.dataTransfer?.types.includes("text/uri-list") && !isFromHere;
      return hasLink && isOver(event) && this.host.searchable.length > 0;
    };
    const hover = (/** @type {DragEvent} */ event) => {
      const isFile = event.dataTransfer?.types.includes("Files");
      const isOurs = !event.defaultPrevented && Boolean(isFile || isLink(event));
      if (isOurs) event.preventDefault();
      const isWanted = isOurs && isOver(event);
      mark(!isWanted ? null : isFile ? `Add to ${this.owner.folder()?.title}` : SITES.drop);
      return isWanted;
    };
    document.addEventListener("dragover", hover, { signal });
    document.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || mark(null), { signal });
    document.addEventListener(
      "drop",
      (event) => {
        const isWanted = hover(event);
        mark(null);
        if (!isWanted || !event.dataTransfer) return;
        const files = filesOf(event.dataTransfer);
        if (files.length) this.#add(files);
        else this.owner.linked(event.dataTransfer.getData("text/uri-list").split("\n")[0].trim());
      },
      { signal },
    );
  }

  /** @param {{file: File, isFolder: boolean}[]} dropped */
  async #add(dropped) {
    const folder = this.owner.folder();
    if (!dropped.length || !folder) return;
    this.#list.replaceChildren();
    showOver(this.root);
    let added = 0;
    for (const [index, each] of dropped.slice(0, MOST_FILES).entries()) {
      this.#summary.textContent = `Adding ${number(index + 1)} of ${number(dropped.length)} to ${folder.title} …`;
      const problem = this.#problemOf(each) ?? (await this.#send(each.file, folder.id));
      if (!problem) added += 1;
      this.#append(each.file.name, problem ?? "It was added.", !problem);
    }
    if (dropped.length > MOST_FILES)
      this.#append(`${number(dropped.length - MOST_FILES)} more`, `Nobody looked at them: drop at most ${MOST_FILES} at once.`);
    this.#summary.textContent = `Added ${number(added)} of ${counted(dropped.length, "file")} to ${folder.title}.`;
    if (added) this.owner.added();
  }

  /** @param {{file: File, isFolder: boolean}} dropped */
  #problemOf({ file, isFolder }) {
    const most = this.host.limits.file_bytes;
    if (isFolder) return "It is a folder: drop the files in it.";
    if (file.size > most) return `It was not kept: it has ${size(file.size)}, and an embedding at most ${size(most)}.`;
    return undefined;
  }

  /**
   * @param {File} file
   * @param {string} folder
   * @returns {Promise<string | undefined>} Why it was not added.
   */
  async #send(file, folder) {
    try {
      await this.api.add(file, folder);
      return undefined;
    } catch (error) {
      return /** @type {Error} */ (error).message;
    }
  }

  /**
   * @param {string} name
   * @param {string} sentence
   * @param {boolean} [isGood]
   */
  #append(name, sentence, isGood = false) {
    const title = element("b", { dir: "auto" }, name);
    this.#list.append(element("li", { class: isGood ? "good" : "bad" }, title, ` ${sentenceCase(sentence)}`));
  }
}

/**
 * @param {DataTransfer} transfer
 * @returns {{file: File, isFolder: boolean}[]}
 */
function filesOf({ items }) {
  return Array.from(items)
    .filter(({ kind }) => kind === "file")
    .flatMap((item) => {
      const file = item.getAsFile();
      return file ? [{ file, isFolder: item.webkitGetAsEntry()?.isDirectory ?? false }] : [];
    });
}
