/**
 * Show how it goes with files on their way here: an item for each, with its sentence.
 */

import { IN_NAMES, breakable } from "../cards/text.mjs";
import { element } from "../dom.mjs";
import { phrase, sentenceCase } from "../phrases.mjs";

/** @typedef {import("../answers.mjs").Entry} Entry */
/** @typedef {import("./arrivals.mjs").Arrival} Arrival */

/** A file, and how it went. */
export class ArrivalItem {
  /** @type {Entry | null} What it is in the library now. */
  entry = null;
  isHere = false;
  hasEnded = false;
  /** Whether no other file has its name. */
  isAlone = true;
  #sentence = element("span", {}, phrase("Waiting …"));
  #bar = element("progress", { "aria-label": phrase("Progress"), hidden: true });

  /** @param {Arrival} arrival */
  constructor(arrival) {
    this.arrival = arrival;
    this.target = arrival.target;
    this.bytes = arrival.bytes;
    this.#bar.max = Math.max(arrival.bytes, 1);
    const name = element("b", { dir: "auto" }, ...breakable(arrival.path, IN_NAMES));
    this.root = element("li", {}, name, this.#sentence, this.#bar);
  }

  /** @param {number} done Bytes that have arrived. */
  show(done) {
    this.#bar.hidden = false;
    this.#bar.value = done;
    this.#sentence.textContent = phrase("On its way …");
  }

  /** @param {{entry: Entry | null, reason: string | null}} outcome */
  end({ entry, reason }) {
    if (reason) {
      this.refused(reason);
      return;
    }
    [this.entry, this.isHere] = [entry, true];
    const done = entry ? phrase("it was added") : phrase("it was added beside its embedding");
    const twin = entry?.state === "duplicate" && entry.reason;
    this.#end("good", twin ? phrase("it was added: {reason}", { reason: twin }) : done);
  }

  /** @param {string} reason */
  refused(reason) {
    this.#end("bad", this.isAlone && isPicture(this.target) ? phrase("{reason}; to show it on a card, drop it there", { reason }) : reason);
  }

  /**
   * @param {string} kind
   * @param {string} sentence
   */
  #end(kind, sentence) {
    this.hasEnded = true;
    this.#bar.hidden = true;
    this.root.className = kind;
    this.#sentence.textContent = phrase("{sentence}.", { sentence: sentenceCase(sentence) });
  }
}

/**
 * Show on items how much of all of them has arrived.
 *
 * @param {ArrivalItem[]} items
 * @param {number} done In bytes.
 */
export function showAll(items, done) {
  let left = done;
  for (const item of items) {
    item.show(Math.max(left, 0));
    left -= item.bytes;
  }
}

/** @param {string} name */
export function isPicture(name) {
  return /\.(?:png|webp|jpe?g|gif|avif|jxl|bmp)$/i.test(name);
}
