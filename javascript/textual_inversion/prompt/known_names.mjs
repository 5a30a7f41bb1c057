/**
 * Know the names of the library's embeddings, and find those in a prompt.
 *
 * There may be thousands. A prompt is read only with those that can begin at one of its words, which a map
 * provides.
 */

import { minimalEdit, removeEach, selectionAfter, toggleName, weighName } from "./edits.mjs";
import { foldName, readPrompt } from "./pieces.mjs";

/** @typedef {import("./gaps.mjs").Options} Options */
/** @typedef {import("./edits.mjs").Toggled} Toggled */
/** @typedef {{name: string, weight: number}} Weighed A name, and its weight. */
/** @typedef {import("./pieces.mjs").Range} Range */
/** @typedef {import("./pieces.mjs").Reading} Reading */

/** Where a name can begin: at or after a character outside words. More places than the grammar has. */
const PLACES = /(?<![^\s,，、()[\]{}|:<>.;!?])|(?=[\s,，、()[\]{}|:<>.;!?])/g;

export class KnownNames {
  /** @type {Map<string, string>} Each name's text without backslashes, folded. */
  #texts = new Map();
  /** @type {Map<string, string[]>} */
  #byText = new Map();
  /** @type {Set<number>} The lengths of all texts. */
  #lengths = new Set();

  /** @param {Iterable<string>} names */
  add(names) {
    for (const name of names) {
      if (!this.#texts.has(name)) this.#enter(name, unescaped(name));
    }
  }

  /**
   * Know only these names.
   *
   * @param {Iterable<string>} names
   */
  replace(names) {
    const before = this.#texts;
    this.#texts = new Map();
    this.#byText.clear();
    this.#lengths.clear();
    for (const name of names) this.#enter(name, before.get(name) ?? unescaped(name));
  }

  /**
   * Return the names that a prompt has as whole words, folded.
   *
   * @param {string} prompt
   * @param {Reading} [reading]
   * @returns {Set<string>}
   */
  usedIn(prompt, { isNegative } = {}) {
    const pieces = readPrompt(prompt, { names: this.#likelyIn(prompt), isNegative });
    return new Set(pieces.filter(({ kind }) => kind === "word").map((piece) => piece.text));
  }

  /**
   * Insert a name into a prompt or remove it, as `toggleName` does, without cutting a known name in two.
   *
   * @param {string} prompt
   * @param {Range} selection
   * @param {string} name
   * @param {Omit<Options, "names">} [options]
   */
  toggle(prompt, selection, name, options) {
    const names = this.#likelyIn(prompt);
    const { text } = toggleName(prompt, selection, name, { ...options, names });
    // With its new neighbours the name may read as a longer one.
    return toggleName(prompt, selection, name, { ...options, names: [...names, ...this.#likelyIn(text)] });
  }

  /**
   * Insert the names that a prompt lacks, or remove them all.
   *
   * @param {string} prompt
   * @param {Range} selection
   * @param {Weighed[]} members
   * @param {boolean} isWanted
   * @param {Omit<Options, "names">} options
   * @returns {Toggled}
   */
  toggleEach(prompt, selection, members, isWanted, options) {
    let now = { text: prompt, selection };
    for (const { name, weight } of members) {
      if (!isWanted) {
        const text = removeEach(now.text, name, { ...options, names: this.#likelyIn(now.text) });
        now = { text, selection: selectionAfter(now.selection, minimalEdit(now.text, text)) };
        continue;
      }
      now = this.toggle(now.text, now.selection, name, options);
      const reading = { ...options, names: this.#likelyIn(now.text) };
      const edit = weight === 1 ? null : weighName(now.text, name, weight - 1, reading);
      if (!edit) continue;
      const text = now.text.slice(0, edit.start) + edit.replacement + now.text.slice(edit.end);
      now = { text, selection: selectionAfter(now.selection, edit) };
    }
    return { ...now, removed: !isWanted, edit: minimalEdit(prompt, now.text) };
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  #enter(name, text) {
    this.#texts.set(name, text);
    this.#lengths.add(text.length);
    if (!this.#byText.get(text)?.push(name)) this.#byText.set(text, [name]);
  }

  /** @param {string} prompt */
  #likelyIn(prompt) {
    const text = unescaped(prompt);
    /** @type {Set<string>} */
    const likely = new Set();
    for (const { index } of text.matchAll(PLACES)) {
      for (const length of this.#lengths) {
        for (const name of this.#byText.get(text.slice(index, index + length)) ?? []) likely.add(name);
      }
    }
    return likely;
  }
}

/**
 * Return whether a name is among those that `usedIn` returned.
 *
 * @param {Set<string>} used
 * @param {string} name
 */
export function isUsed(used, name) {
  return used.has(foldName(name));
}

/** @param {string} text */
function unescaped(text) {
  return foldName(text).replaceAll("\\", "");
}
