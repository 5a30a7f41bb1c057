/**
 * Remember in this browser which names prompts used last.
 */

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
  try {
    const kept = JSON.parse((storage ?? localStorage).getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((name) => typeof name === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
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
  try {
    (storage ?? localStorage).setItem(KEY, JSON.stringify(recent));
  } catch {
    // Private windows and full or forbidden storage: completions come in their usual order.
  }
}
