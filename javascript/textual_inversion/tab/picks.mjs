/**
 * Pick several cards, to do something with all of them.
 *
 * Ctrl or Cmd with a click begins, as does the button in the toolbar; from then on a click picks, and one
 * with Shift picks all up to there, until Esc.
 */

import { element, iconButton, setAttribute, textButton } from "../dom.mjs";
import { number, phrase } from "../phrases.mjs";
import { isEmbedding } from "../words.mjs";
import { Mover } from "./files.mjs";

/** @typedef {import("../answers.mjs").Entry} Entry */

/**
 * @typedef {object} Owner
 * @property {(entry: Entry) => number} placeOf Where an entry is among what is found, or -1.
 * @property {(first?: number, end?: number) => Promise<Entry[]>} found Returns a part of what is found, or all.
 * @property {() => void} changed Called when other cards are picked, or picking begins or ends.
 */

/** What can be done with all that is picked, in the order of the bar: the action of each, and its words. */
const DEEDS = [
  ["insert-picked", phrase("Insert")],
  ["favourite-picked", phrase("Favourite")],
  ["copy-picked", phrase("Copy names")],
  ["set-of-picked", phrase("Make a set …")],
  ["hide-picked", phrase("Hide")],
];
/** Where something paints. */
const TRY = ["try-picked", phrase("Try")];
/** And where files may be changed. */
const FILE_DEEDS = [
  ["move-picked", phrase("Move to …")],
  ["delete-picked", phrase("Delete")],
];

export class Picks {
  /** @type {Map<string, Entry>} */
  #picked = new Map();
  /** @type {Entry | undefined} The one that was picked last, from which Shift goes on. */
  #last;
  isOn = false;
  mover = new Mover(async () => false);

  /** @param {Owner} owner */
  constructor(owner) {
    this.owner = owner;
    this.count = element("span", { class: "picked-count", role: "status" });
    this.deeds = DEEDS.map(([action, label]) => textButton(action, label));
    const all = textButton("pick-all", phrase("Select all results"), { title: "Ctrl+A" });
    this.root = element(
      "div",
      { class: "picks", role: "toolbar", "aria-label": phrase("With the selection"), hidden: true },
      this.count,
      element("div", { class: "deeds" }, ...this.deeds, all),
      this.mover.form,
      iconButton("close", "end-picks", phrase("End the selection (Esc)")),
    );
  }

  /**
   * Offer to move and to delete what is picked.
   *
   * @param {import("./files.mjs").Files} files
   */
  offerFiles(files) {
    this.mover.move = async (target) => {
      const moved = await files.move(this.entries, target);
      if (moved) this.end();
      return moved !== undefined;
    };
    const offered = files.tryIt ? [TRY, ...FILE_DEEDS] : FILE_DEEDS;
    const deeds = offered.map(([action, label]) => textButton(action, label));
    this.deeds[this.deeds.length - 1].after(...deeds);
    this.deeds.push(...deeds);
  }

  /** All that is picked. */
  get entries() {
    return Array.from(this.#picked.values());
  }

  /** What is picked and has a name for prompts, each name once. */
  get embeddings() {
    const byName = new Map(this.entries.filter(isEmbedding).map((entry) => [entry.name, entry]));
    return Array.from(byName.values());
  }

  /**
   * Pick a card if this click or key means that.
   *
   * @param {Entry} entry
   * @param {Event} event
   * @returns {boolean} Whether it does.
   */
  take(entry, event) {
    const { ctrlKey, metaKey, shiftKey } = /** @type {MouseEvent | KeyboardEvent} */ (event);
    if (!this.isOn && !ctrlKey && !metaKey) return false;
    if (this.isOn && shiftKey && this.#last) this.#pickUpTo(entry, this.#last);
    else this.pick(entry);
    return true;
  }

  /**
   * Pick a card, or leave it out again.
   *
   * @param {Entry} entry
   */
  pick(entry) {
    this.isOn = true;
    this.#last = entry;
    if (!this.#picked.delete(entry.id)) this.#picked.set(entry.id, entry);
    this.#show();
  }

  /** @param {Entry[]} entries */
  add(entries) {
    this.isOn = true;
    for (const entry of entries) this.#picked.set(entry.id, entry);
    this.#show();
  }

  begin() {
    this.isOn = true;
    this.#show();
  }

  end() {
    this.isOn = false;
    this.#picked.clear();
    this.#last = undefined;
    this.#show();
  }

  /**
   * Show on a card whether it is picked, and remember how it is by now.
   *
   * @param {HTMLLIElement} card
   * @param {Entry} entry
   */
  mark(card, entry) {
    const isPicked = this.#picked.has(entry.id);
    if (isPicked) this.#picked.set(entry.id, entry);
    setAttribute(card, "data-picked", this.isOn ? String(isPicked) : null);
    const main = card.querySelector(".main");
    if (this.isOn) main?.setAttribute("aria-pressed", String(isPicked));
    else if (!isEmbedding(entry)) main?.removeAttribute("aria-pressed");
  }

  /**
   * @param {Entry} entry
   * @param {Entry} last
   */
  async #pickUpTo(entry, last) {
    const places = [this.owner.placeOf(entry), this.owner.placeOf(last)];
    const first = Math.min(...places);
    this.add(first < 0 ? [entry] : await this.owner.found(first, Math.max(...places) + 1));
  }

  #show() {
    this.root.hidden = !this.isOn;
    this.count.textContent = phrase("{count} selected", { count: number(this.#picked.size) });
    for (const deed of this.deeds) deed.disabled = !this.#picked.size;
    this.owner.changed();
  }
}
