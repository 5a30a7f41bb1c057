/**
 * Remember how someone likes the list, from one visit to the next.
 */

/** @typedef {"name" | "date" | "vectors" | "folder" | "size"} Sort */
/** @typedef {"asc" | "desc"} Order */
/** @typedef {{sort: Sort, order: Order, showsFolders: boolean}} Choices */

const KEY = "lib-embeddings";

/** @type {ReadonlyMap<Sort, {title: string, order: Order}>} Each with the order that is wanted first. */
export const SORTS = new Map([
  ["name", { title: "Name", order: "asc" }],
  ["date", { title: "Date", order: "desc" }],
  ["vectors", { title: "Vectors", order: "desc" }],
  ["folder", { title: "Folder", order: "asc" }],
  ["size", { title: "Size", order: "desc" }],
]);

/**
 * @param {boolean} hasRoom Whether folders are shown to someone who never chose.
 * @param {Pick<Storage, "getItem">} [storage]
 * @returns {Choices}
 */
export function recall(hasRoom, storage) {
  const { sort, order, showsFolders } = read(storage);
  return {
    sort: SORTS.has(sort) ? sort : "name",
    order: order === "desc" ? "desc" : "asc",
    showsFolders: typeof showsFolders === "boolean" ? showsFolders : hasRoom,
  };
}

/**
 * @param {Choices} choices
 * @param {Pick<Storage, "setItem">} [storage]
 */
export function remember(choices, storage) {
  try {
    (storage ?? localStorage).setItem(KEY, JSON.stringify(choices));
  } catch {
    // Private windows and full or forbidden storage: the choice holds for this visit.
  }
}

/**
 * @param {Pick<Storage, "getItem">} [storage]
 * @returns {any}
 */
function read(storage) {
  try {
    return JSON.parse((storage ?? localStorage).getItem(KEY) ?? "null") ?? {};
  } catch {
    return {};
  }
}
