/**
 * What the keys do: arrows move, Enter inserts, `/` searches, Esc goes back.
 */

/**
 * @typedef {object} Keyboard What keys can act on.
 * @property {import("../cards/grid.mjs").Grid} grid
 * @property {import("./folders.mjs").FolderTree} tree
 * @property {HTMLInputElement} search
 * @property {Record<string, (target: HTMLElement, event: Event) => unknown>} actions
 * @property {() => void} clearSearch
 * @property {() => void} leave Go back to the prompt.
 */

/** @type {Record<string, string>} On a card: key -> action. */
const CARD_KEYS = { Enter: "insert", "+": "positive", "-": "negative", f: "favourite", i: "details" };

/**
 * Answer a key, and keep the browser from answering it too.
 *
 * @param {Keyboard} keyboard
 * @param {KeyboardEvent} event
 */
export function answerKey(keyboard, event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.closest("dialog")) return;
  if (answer(keyboard, target, event)) event.preventDefault();
}

/**
 * @param {Keyboard} keyboard
 * @param {HTMLElement} target
 * @param {KeyboardEvent} event
 * @returns {boolean} Whether the key meant anything.
 */
function answer(keyboard, target, event) {
  if (target === keyboard.search) return answerInSearch(keyboard, event.key);
  if (event.key === "/") return done(keyboard.search.select());
  if (event.key === "Escape") return done(keyboard.leave());
  if (target.role === "treeitem") return answerInTree(keyboard, target, event);
  if (target.closest(".viewport")) return answerInGrid(keyboard, target, event);
  return false;
}

/**
 * @param {Keyboard} keyboard
 * @param {string} key
 */
function answerInSearch({ grid, search, clearSearch, leave }, key) {
  if (key === "ArrowDown" || key === "Enter") return done(grid.focus());
  if (key === "Escape") return done(search.value ? clearSearch() : leave());
  return false;
}

/**
 * @param {Keyboard} keyboard
 * @param {HTMLElement} row
 * @param {KeyboardEvent} event
 */
function answerInTree({ tree, actions }, row, event) {
  if (event.key === "Enter" || event.key === " ") return done(actions.folder(row, event));
  return tree.move(event.key, row);
}

/**
 * @param {Keyboard} keyboard
 * @param {HTMLElement} target
 * @param {KeyboardEvent} event
 */
function answerInGrid({ grid, actions }, target, event) {
  if (grid.move(event.key)) return true;
  const main = target.closest(".card")?.querySelector("button");
  const action = CARD_KEYS[event.key];
  // Enter on a card's small buttons presses them.
  if (!main || !action || (event.key === "Enter" && target !== main)) return false;
  return done(actions[action === "insert" ? (main.dataset.action ?? action) : action](main, event));
}

/**
 * @param {unknown} _what
 * @returns {true}
 */
function done(_what) {
  return true;
}
