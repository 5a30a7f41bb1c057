/**
 * Know the names of the library's embeddings, and see which of them a prompt holds.
 */

import { foldName, readPrompt } from "./prompt_pieces.mjs";

export class KnownNames {
  /** @type {Map<string, string>} Each name's text without backslashes, folded. */
  #texts = new Map();

  /** @param {Iterable<string>} names */
  add(names) {
    for (const name of names) {
      if (!this.#texts.has(name)) this.#texts.set(name, unescaped(name));
    }
  }

  [Symbol.iterator]() {
    return this.#texts.keys();
  }

  /**
   * Return the names that a prompt holds as whole words, folded.
   *
   * @param {string} prompt
   * @returns {Set<string>}
   */
  usedIn(prompt) {
    const text = unescaped(prompt);
    // Reading takes time for every name; most are not even part of the text.
    const likely = Array.from(this.#texts).filter(([, name]) => text.includes(name));
    const pieces = readPrompt(
      prompt,
      likely.map(([name]) => name),
    );
    return new Set(pieces.filter(({ kind }) => kind === "word").map((piece) => piece.text));
  }
}

/**
 * Tell whether a name is among those that `usedIn` returned.
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
