/**
 * Change a prompt as its report proposes: each time one edit, so that one undo takes it back.
 *
 * Pure string functions.
 */

import { escapeName, findName } from "./prompt.mjs";

/** @typedef {import("./api.mjs").Form} Form */
/** @typedef {import("./prompt.mjs").Edit} Edit */

/**
 * Write the names alone where other systems' forms stand.
 *
 * @param {string} prompt
 * @param {Form[]} forms First to last.
 * @returns {Edit | null} Null where none of them stands there any more.
 */
export function convertForms(prompt, forms) {
  return together(
    prompt,
    forms.filter(({ start, end, text }) => prompt.slice(start, end) === text),
  );
}

/**
 * Write a name wherever a word stands.
 *
 * @param {string} prompt
 * @param {string} word
 * @param {string} name
 * @returns {Edit | null} Null where the word is not in the prompt any more.
 */
export function replaceWord(prompt, word, name) {
  const replacement = escapeName(name);
  return together(
    prompt,
    findName(prompt, word).map((range) => ({ ...range, replacement })),
  );
}

/**
 * Return one edit that does what several do.
 *
 * @param {string} prompt
 * @param {Edit[]} edits First to last, none inside of another.
 * @returns {Edit | null}
 */
function together(prompt, edits) {
  if (!edits.length) return null;
  const { start } = edits[0];
  let [replacement, at] = ["", start];
  for (const edit of edits) {
    replacement += prompt.slice(at, edit.start) + edit.replacement;
    at = edit.end;
  }
  return { start, end: at, replacement };
}
