/**
 * Know where names go and which are in the prompts, and put them there or take them out.
 */

import { BOXES, obstacle } from "../words.mjs";
import { BOX_KINDS, Boxes } from "./fields.mjs";
import { isUsed, KnownNames } from "./known_names.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../api.mjs").BoxKind} BoxKind */
/** @typedef {import("../api.mjs").Entry} Entry */
/** @typedef {Record<BoxKind, boolean>} Places Which boxes hold a name. */

/**
 * @typedef {object} Listener
 * @property {() => void} aimed Called when names begin to go elsewhere.
 * @property {() => void} marked Called when other names are in the prompts than before.
 */

/** How many names are learned in one frame. */
const SLICE = 1000;

export class Insertion {
  /** @type {BoxKind | null} Where names go; null for each to its own box. */
  target = null;
  /** @type {Record<BoxKind, Set<string>>} */
  #used = { positive: new Set(), negative: new Set() };
  #names = new KnownNames();
  /** @type {number | undefined} The library's generation that all names are known of. */
  #generation;
  #frame = 0;

  /**
   * @param {string} tabname
   * @param {Listener} listener
   * @param {AbortSignal} closing
   */
  constructor(tabname, listener, closing) {
    this.listener = listener;
    const heard = { focused: () => this.aim(this.boxes.last), edited: () => this.lookSoon() };
    this.boxes = new Boxes(tabname, heard, closing);
  }

  /**
   * Let names go to a box, or each to its own.
   *
   * @param {BoxKind | null} target
   */
  aim(target) {
    this.target = target;
    this.listener.aimed();
  }

  /**
   * Return where a click puts an entry's name.
   *
   * @param {Entry} entry
   */
  targetOf({ box }) {
    return this.target ?? box;
  }

  /**
   * Return where this click or key puts it: with Shift in the other box.
   *
   * @param {Entry} entry
   * @param {Event} event
   * @returns {BoxKind}
   */
  aimOf(entry, event) {
    const target = this.targetOf(entry);
    const isShifted = (event instanceof MouseEvent || event instanceof KeyboardEvent) && event.shiftKey;
    return isShifted === (target === "positive") ? "negative" : "positive";
  }

  /**
   * @param {Entry} entry
   * @returns {Places}
   */
  placesOf({ name }) {
    return { positive: isUsed(this.#used.positive, name), negative: isUsed(this.#used.negative, name) };
  }

  /**
   * Learn names, so that no edit cuts one of them in two.
   *
   * @param {Iterable<Entry>} entries
   */
  learn(entries) {
    this.#names.add(Array.from(entries, ({ name }) => name));
  }

  /**
   * Learn all names of a generation of the library, also those that are not in sight.
   *
   * @param {Api} api
   * @param {number} generation
   */
  async learnAll(api, generation) {
    if (generation === this.#generation) return;
    this.#generation = generation;
    try {
      await painted(); // People wait for the cards, and for no name.
      const names = await api.names();
      for (let at = 0; at < names.length; at += SLICE) {
        this.#names.add(names.slice(at, at + SLICE));
        await painted();
      }
      if (generation !== this.#generation) return;
      this.#names.replace(names);
      this.lookSoon();
    } catch {
      // The connection is lost, which the list says too: the next one that comes asks again.
      this.#generation = undefined;
    }
  }

  /**
   * Put a name into a box, or take it out, and say so in a sentence.
   *
   * @param {Entry} entry
   * @param {BoxKind} kind
   */
  toggle(entry, kind) {
    const { name } = entry;
    this.learn([entry]);
    const done = this.boxes.toggle(kind, name, this.#names);
    if (done === "missing") return `This page has no box for the ${BOXES[kind].toLowerCase()}`;
    if (done === "removed") return `${name} removed from ${BOXES[kind]}`;
    const why = obstacle(entry);
    return `${name} added to ${BOXES[kind]}${why ? `, but the model cannot use it: ${why.toLowerCase()}` : ""}`;
  }

  /** Look which names are in the prompts, once before the next picture is drawn. */
  lookSoon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      for (const kind of BOX_KINDS) this.#used[kind] = this.#names.usedIn(this.boxes.text(kind));
      this.listener.marked();
    });
  }
}

/** Wait until what is in the page now can be seen. */
function painted() {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}
