/**
 * Let people choose, drop or paste a picture for an embedding, or take the one that was generated last.
 */

import { element, lastPicture, textButton } from "../page.mjs";

/** @typedef {import("../api.mjs").Entry} Entry */
/** @typedef {import("../own.mjs").Own} Own */

/**
 * @typedef {object} Owner
 * @property {(entry: Entry, id: string) => void} changed Called with the entry that has another picture now.
 * @property {(sentence: string, undo?: () => Promise<string>) => void} report Says how it went.
 */

/** The class of what a picture would be dropped on. */
const TARGET = "drop-target";

export class NewPicture {
  /** @type {Entry | undefined} For which somebody chooses a file. */
  #entry;

  /**
   * @param {Own} own
   * @param {string} tabname
   * @param {Owner} owner
   */
  constructor(own, tabname, owner) {
    this.own = own;
    this.tabname = tabname;
    this.owner = owner;
    this.input = element("input", { type: "file", accept: "image/*", hidden: true });
    this.input.addEventListener("change", () => this.put(this.#entry, this.input.files?.[0]));
    this.last = textButton("last-picture", "Take the last generated one", { "data-key": "last-picture" });
    const choose = textButton("choose-picture", "Choose a picture …", {
      "data-key": "choose-picture",
      title: "You can also drop a picture here or on the card, or paste one",
    });
    /** What the details have of it. */
    this.root = element("div", { class: "new-picture" }, choose, this.last, this.input);
  }

  /** Offer what there is by now. */
  show() {
    this.last.hidden = !lastPicture(this.tabname);
  }

  /** @param {Entry} entry */
  choose(entry) {
    this.#entry = entry;
    this.input.value = "";
    this.input.click();
  }

  /** @param {Entry} entry */
  async takeLast(entry) {
    const address = lastPicture(this.tabname);
    const picture = address && (await fetch(address).then((response) => response.blob()).catch(() => null));
    if (picture) await this.put(entry, picture);
    else this.owner.report("There is no generated picture any more: generate one");
  }

  /**
   * Take pictures that are dropped on a part of the page, or pasted while it has the focus.
   *
   * @param {HTMLElement} root
   * @param {(part: Element) => Entry | undefined} entryOf Returns what a part of it shows.
   * @param {AbortSignal} signal
   */
  follow(root, entryOf, signal) {
    const mark = (/** @type {Element | null} */ card) => {
      for (const old of root.querySelectorAll(`.${TARGET}`)) if (old !== card) old.classList.remove(TARGET);
      card?.classList.add(TARGET);
    };
    const over = (/** @type {DragEvent} */ event) => {
      const part = /** @type {Element} */ (event.target);
      const isMeant = isPicture(event.dataTransfer?.items[0]) && entryOf(part);
      mark(isMeant ? part.closest(".card, .details") : null);
      if (isMeant) event.preventDefault();
    };
    const drop = (/** @type {DragEvent} */ event) => {
      mark(null);
      const [entry, file] = [entryOf(/** @type {Element} */ (event.target)), event.dataTransfer?.files[0]];
      if (!entry || !isPicture(file)) return;
      event.preventDefault();
      event.stopPropagation(); // What else is dropped on the page is another's.
      this.put(entry, file);
    };
    const paste = (/** @type {ClipboardEvent} */ event) => {
      const [entry, file] = [entryOf(/** @type {Element} */ (event.target)), event.clipboardData?.files[0]];
      if (!entry || !isPicture(file) || event.clipboardData?.types.includes("text/plain")) return;
      event.preventDefault();
      this.put(entry, file);
    };
    root.addEventListener("dragover", over, { signal });
    root.addEventListener("dragleave", () => mark(null), { signal });
    root.addEventListener("drop", drop, { signal });
    root.addEventListener("paste", paste, { signal });
  }

  /**
   * Let a picture show an embedding, and say how that went.
   *
   * @param {Entry | undefined} entry
   * @param {Blob | undefined} picture
   */
  async put(entry, picture) {
    if (!entry || !picture) return;
    const { id, name } = entry;
    try {
      const { undo, ...changed } = await this.own.putPreview(id, picture);
      this.owner.changed(changed, id);
      this.owner.report(`New picture for ${name}`, async () => {
        this.owner.changed(await this.own.undoPreview(id, undo), id);
        return `The picture of ${name} is as before`;
      });
    } catch (error) {
      this.owner.report(`No new picture for ${name}: ${/** @type {Error} */ (error).message}`);
    }
  }
}

/** @param {DataTransferItem | File | undefined} item */
function isPicture(item) {
  return item?.type.startsWith("image/");
}
