/**
 * Take in files that are dropped onto the page or chosen; the page stays as it is whatever is dropped.
 */

import { dialog, element, folderOptions, setAttribute, showOver, textButton } from "../dom.mjs";
import { COUNTED, number, phrase, size } from "../phrases.mjs";
import { WORDS as SITES } from "../sources/site_words.mjs";
import { ArrivalItem, isPicture, showAll } from "./arrival_items.mjs";
import { arrivalsIn, batchesOf, droppedIn, groupsOf } from "./arrivals.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../answers.mjs").Entry} Entry */
/** @typedef {import("../answers.mjs").Host} Host */
/** @typedef {import("../answers.mjs").Folder} Folder */

/** Of one drop; who has more puts them into the folder. */
const MOST_FILES = 1000;
/** What travels at once; while some files are judged, others are on their way. */
const BATCH = { files: 200, bytes: 16 << 20 };
const AT_ONCE = 2;

/**
 * @typedef {object} Owner
 * @property {HTMLElement} home The tab.
 * @property {() => Folder[]} folders Returns those that files can be added to.
 * @property {() => Folder | null | undefined} folder Returns the one of them that is looked at.
 * @property {(entries: Entry[], folder: Folder) => unknown} added Called when files were added.
 * @property {(link: string) => unknown} linked Called when a link was dropped.
 */

/** Adds files to a folder, a few at once, and says of each how it went. */
export class Drops {
  #folder = element("select", { "aria-label": phrase("Folder to put them in") });
  #summary = element("p", { class: "summary", role: "status" });
  #bar = element("progress", { "aria-label": phrase("Progress"), hidden: true });
  #stop = textButton("", phrase("Stop"), { hidden: true });
  #list = element("ul", { class: "sentences", "aria-label": phrase("Files") });
  /** Ends when all that was dropped before is here. */
  #before = Promise.resolve();
  #isBusy = false;

  /**
   * @param {Api} api
   * @param {Host} host
   * @param {Owner} owner
   */
  constructor(api, host, owner) {
    this.api = api;
    this.host = host;
    this.owner = owner;
    const choosing = [
      this.#chooser(phrase("Choose files …"), { accept: [...host.endings, ".zip"].join(",") }),
      this.#chooser(phrase("Choose a folder …"), { webkitdirectory: true }),
    ];
    const head = element("div", { class: "choosing" }, this.#folder, ...choosing.flat());
    const state = element("div", { class: "adding" }, this.#summary, this.#bar, this.#stop);
    this.root = dialog(phrase("Add files"), "dropped", head, state, this.#list);
  }

  /**
   * @param {string} label
   * @param {Record<string, string | boolean>} attributes
   */
  #chooser(label, attributes) {
    const input = element("input", { type: "file", multiple: true, hidden: true, ...attributes });
    const button = textButton("", label);
    button.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      const folder = this.#folderOf(this.#folder.value);
      if (folder) this.#take(Array.from(input.files ?? []), folder);
      input.value = "";
    });
    return [button, input];
  }

  open() {
    if (!this.#isBusy) {
      this.#list.replaceChildren();
      this.#summary.textContent = phrase("Files, folders and zips can also be dropped anywhere on the embeddings, or on a folder.");
    }
    this.#show(this.owner.folder());
  }

  /** @param {Folder | null | undefined} chosen */
  #show(chosen) {
    this.offerFolders(chosen?.id);
    showOver(this.root, this.owner.home);
  }

  /** Offer the folders that there are now: they may come, or become others, while the dialog is open. */
  offerFolders(chosen = this.#folder.value || this.owner.folder()?.id) {
    this.#folder.replaceChildren(...folderOptions(this.owner.folders()));
    this.#folder.value = chosen ?? "";
  }

  /** @param {string | undefined} id */
  #folderOf(id) {
    return this.owner.folders().find((folder) => folder.id === id);
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
    const folderAt = (/** @type {DragEvent} */ { target }) => {
      const item = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest("[role=treeitem]"));
      return this.#folderOf(item?.dataset.id) ?? this.owner.folder();
    };
    const isLink = (/** @type {DragEvent} */ event) => {
      const hasLink = event.dataTransfer?.types.includes("text/uri-list") && !isFromHere;
      return hasLink && isOver(event) && this.host.searchable.length > 0;
    };
    const hover = (/** @type {DragEvent} */ event) => {
      const isFile = event.dataTransfer?.types.includes("Files");
      const isOurs = !event.defaultPrevented && Boolean(isFile || isLink(event));
      if (isOurs) event.preventDefault();
      const isWanted = isOurs && isOver(event);
      mark(!isWanted ? null : isFile ? phrase("Add to {folder}", { folder: folderAt(event)?.title ?? "" }) : SITES.drop);
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
        const [dropped, folder] = [droppedIn(event.dataTransfer), folderAt(event)];
        if (dropped.length && folder) this.#take(dropped, folder);
        else this.owner.linked(event.dataTransfer.getData("text/uri-list").split("\n")[0].trim());
      },
      { signal },
    );
  }

  /**
   * Add a picture to the folder that is looked at, where an embedding is in it.
   *
   * @param {File} picture
   * @returns {Promise<boolean>} Whether there was one.
   */
  async takeEmbedding(picture) {
    const folder = this.owner.folder();
    if (!folder || this.#problemOf({ target: picture.name, bytes: picture.size })) return false;
    const [outcome] = await this.api.add([{ path: picture.name, content: picture }], folder.id).catch(() => []);
    if (outcome?.entry) this.owner.added([outcome.entry], folder);
    return Boolean(outcome?.entry);
  }

  /**
   * Add files behind those that are on their way.
   *
   * @param {(File | FileSystemEntry)[]} dropped
   * @param {Folder} folder
   */
  #take(dropped, folder) {
    if (!this.#isBusy) this.#list.replaceChildren();
    this.#isBusy = true;
    this.#show(folder);
    const turn = this.#before.then(() => this.#add(dropped, folder));
    this.#before = turn;
    turn.finally(() => (this.#isBusy = this.#before !== turn));
  }

  /**
   * @param {(File | FileSystemEntry)[]} dropped
   * @param {Folder} folder
   */
  async #add(dropped, folder) {
    /** @type {ArrivalItem[]} */
    const items = [];
    let hasMore = false;
    for await (const arrival of arrivalsIn(dropped)) {
      hasMore = items.length === MOST_FILES;
      if (hasMore) break;
      items.push(new ArrivalItem(arrival));
    }
    this.#list.append(...items.map(({ root }) => root));
    await this.#bring(items, folder);
    this.#list.prepend(...items.filter(({ isHere }) => !isHere).map(({ root }) => root));
    const entries = items.flatMap(({ entry }) => entry ?? []);
    const here = items.filter(({ isHere }) => isHere).length;
    const counts = { count: number(here), files: COUNTED.files(items.length), folder: folder.title };
    const left = hasMore ? phrase("The other files were skipped: drop at most {count} at a time.", { count: number(MOST_FILES) }) : "";
    this.#summary.textContent = `${phrase("Added {count} of {files} to {folder}.", counts)} ${left}`;
    if (entries.length) this.owner.added(entries, folder);
  }

  /**
   * @param {ArrivalItem[]} items
   * @param {Folder} folder
   */
  async #bring(items, folder) {
    const stopping = new AbortController();
    this.#stop.onclick = () => stopping.abort(new Error(phrase("it was not sent")));
    this.#summary.textContent = phrase("Adding {files} to {folder} …", { files: COUNTED.files(items.length), folder: folder.title });
    [this.#bar.max, this.#bar.value] = [Math.max(items.length, 1), 0];
    this.#bar.hidden = this.#stop.hidden = false;
    const waiting = batchesOf(groupsOf(items).map((group) => this.#sendable(group)), BATCH).values();
    const work = async () => {
      for (const batch of waiting) {
        await this.#send(batch, folder, stopping.signal);
        this.#bar.value = items.filter(({ hasEnded }) => hasEnded).length;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    this.#bar.hidden = this.#stop.hidden = true;
  }

  /**
   * Return the files of a group that are worth to be sent; the others say why they are not.
   *
   * @param {ArrivalItem[]} group
   */
  #sendable(group) {
    const hasEmbedding = group.some(({ target }) => endsIn(target, this.host.endings));
    return group.filter((item) => {
      const problem = this.#problemOf(item.arrival, hasEmbedding);
      item.isAlone = group.length === 1;
      if (problem) item.refused(problem);
      return !problem;
    });
  }

  /**
   * @param {ArrivalItem[]} batch
   * @param {Folder} folder
   * @param {AbortSignal} signal
   */
  async #send(batch, folder, signal) {
    const files = new Map();
    for (const item of batch) {
      item.show(0);
      const content = await item.arrival.open().catch((error) => item.refused(error.message));
      if (content) files.set(item, { path: item.target, content });
    }
    const items = Array.from(files.keys());
    try {
      signal.throwIfAborted();
      const outcomes = items.length ? await this.api.add([...files.values()], folder.id, (done) => showAll(items, done), signal) : [];
      items.forEach((item, index) => item.end(outcomes[index]));
    } catch (error) {
      for (const item of items) item.refused(/** @type {Error} */ (error).message);
    }
  }

  /**
   * @param {{target: string, bytes: number, problem?: string}} arrival
   * @param {boolean} [hasEmbedding] Whether an embedding comes with it.
   * @returns {string | undefined} Why it is not sent at all.
   */
  #problemOf({ target, bytes, problem }, hasEmbedding = false) {
    const most = this.host.limits.file_bytes;
    const [, ending = "none"] = target.match(/[^/](\.[^./]*)$/) ?? [];
    const isWanted = endsIn(target, this.host.endings) || (hasEmbedding && endsIn(target, this.host.endings_beside));
    if (problem) return problem;
    if (!isWanted)
      return isPicture(target) ? phrase("this kind of picture cannot hold an embedding") : phrase("embedding files do not end in {ending}", { ending });
    if (bytes > most) return phrase("it was not kept: expected at most {most}, found {size}", { size: size(bytes), most: size(most) });
    return undefined;
  }
}

/**
 * @param {string} name
 * @param {string[]} endings
 */
function endsIn(name, endings) {
  return endings.some((ending) => name.toLowerCase().endsWith(ending));
}
