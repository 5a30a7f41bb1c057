/**
 * Remember in this browser which names prompts used last.
 */

import { keep, recallJson } from "../storage.mjs";

const KEY = "lib-embeddings-recent";
// Beyond these, people search.
const MOST = 10;

/**
 * Return the names, the last one first.
 *
 * @param {Pick<Storage, "getItem">} [storage]
 * @returns {string[]}
 */
export function recentNames(storage) {
  const kept = recallJson(KEY, storage);
  return Array.isArray(kept) ? kept.filter((name) => typeof name === "string").slice(0, MOST) : [];
}

/**
 * Remember names that a prompt uses now.
 *
 * @param {string[]} names
 * @param {Pick<Storage, "getItem" | "setItem">} [storage]
 */
export function noteUsed(names, storage) {
  if (!names.length) return;
  const recent = Array.from(new Set([...names, ...recentNames(storage)])).slice(0, MOST);
  keep(KEY, JSON.stringify(recent), storage);
}
