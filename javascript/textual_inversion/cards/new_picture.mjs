/**
 * Let people choose, drop or paste a picture for an embedding, or take the one that was generated last.
 */

import { element, textButton } from "../dom.mjs";
import { failed, phrase } from "../phrases.mjs";
import { lastPicture } from "../webui.mjs";

/** @typedef {import("../answers.mjs").Entry} Entry */
/** @typedef {import("../own.mjs").Own} Own */

/**
 * @typedef {object} Owner
 * @property {(entry: Entry, id: string) => void} changed Called with the entry that has another picture now.
 * @property {(sentence: string, undo?: () => Promise<string>) => void} report Says how it went.
 * @property {(picture: File) => Promise<boolean>} isAdded Adds a picture to the library where an embedding is in it.
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
    this.last = textButton("last-picture", phrase("Use the last generated one"), { "data-key": "last-picture" });
    const choose = textButton("choose-picture", phrase("Choose a picture …"), {
      "data-key": "choose-picture",
      title: phrase("You can also drop a picture here or on the card, or paste one"),
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
    else this.owner.report(phrase("There is no generated picture: generate one"));
  }

  /**
   * Take pictures that are dropped on a part of the page, or pasted while it has the focus.
   *
   * @param {HTMLElement} root
   * @param {(part: Element) => Entry | undefined} entryOf Returns what a part of it shows.
   * @param {AbortSignal} signal
   */
  takeFrom(root, entryOf, signal) {
    const mark = (/** @type {Element | null} */ card) => {
      for (const old of root.querySelectorAll(`.${TARGET}`)) if (old !== card) old.classList.remove(TARGET);
      card?.classList.add(TARGET);
    };
    const over = (/** @type {DragEvent} */ event) => {
      const part = /** @type {Element} */ (event.target);
      const isMeant = isPicture(onlyOne(event.dataTransfer?.items)) && entryOf(part);
      mark(isMeant ? part.closest(".card, .details") : null);
      if (isMeant) event.preventDefault();
    };
    const drop = async (/** @type {DragEvent} */ event) => {
      mark(null);
      const [entry, file] = [entryOf(/** @type {Element} */ (event.target)), onlyOne(event.dataTransfer?.files)];
      if (!entry || !file || !isPicture(file)) return;
      event.preventDefault();
      event.stopPropagation(); // What else is dropped on the page is another's.
      if (!(await this.owner.isAdded(file))) this.put(entry, file);
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
      this.owner.report(phrase("New picture for {name}", { name }), async () => {
        this.owner.changed(await this.own.undoPreview(id, undo), id);
        return phrase("Restored the previous picture of {name}", { name });
      });
    } catch (error) {
      this.owner.report(failed(phrase("No new picture for {name}", { name }), error));
    }
  }
}

/**
 * @template Item
 * @param {ArrayLike<Item> | undefined} items
 */
function onlyOne(items) {
  return items?.length === 1 ? items[0] : undefined;
}

/** @param {DataTransferItem | File | undefined} item */
function isPicture(item) {
  return item?.type.startsWith("image/");
}
