/**
 * What the browser keeps of people's choices from visit to visit.
 *
 * In private windows, or where storage is full or forbidden, it keeps nothing: a choice holds for the visit.
 */

/**
 * @param {string} key
 * @param {Pick<Storage, "getItem">} [storage]
 */
export function recall(key, storage) {
  try {
    return (storage ?? localStorage).getItem(key);
  } catch {
    return null;
  }
}

/**
 * Return what was kept as JSON; null where that is nothing, or damaged.
 *
 * @param {string} key
 * @param {Pick<Storage, "getItem">} [storage]
 * @returns {any}
 */
export function recallJson(key, storage) {
  try {
    return JSON.parse(recall(key, storage) ?? "null");
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {string} text
 * @param {Pick<Storage, "setItem">} [storage]
 */
export function keep(key, text, storage) {
  try {
    (storage ?? localStorage).setItem(key, text);
  } catch {
    // It holds for this visit.
  }
}

/** @param {string} key */
export function forget(key) {
  try {
    localStorage.removeItem(key);
  } catch {
    // Nothing was kept.
  }
}
