/**
 * What the keys do, and a list of them to look at.
 *
 * Tab goes from group to group: the toolbar, the folders, the cards. Arrows move inside of each.
 */

import { dialog, element, keyOf, showOver } from "../dom.mjs";
import { phrase } from "../phrases.mjs";

/**
 * @typedef {object} Keyboard What keys can act on.
 * @property {import("../cards/grid.mjs").Grid} grid
 * @property {import("./picks.mjs").Picks} picks
 * @property {import("./folders.mjs").FolderTree} tree
 * @property {HTMLElement} toolbar
 * @property {HTMLInputElement} search
 * @property {Record<string, (target: HTMLElement, event: Event) => unknown>} actions
 * @property {() => void} clearSearch
 * @property {() => void} leave Go back to the prompt.
 */

/** @type {Record<string, string>} On a card: key -> action. */
const CARD_KEYS = {
  Enter: "insert",
  "+": "positive",
  "-": "negative",
  f: "favourite",
  i: "details",
  h: "hide",
  x: "pick-card",
  Delete: "delete",
};

const HELP = [
  ["/", phrase("Search")],
  ["Tab", phrase("Go from the toolbar to the folders and the cards")],
  ["← ↑ → ↓", phrase("Go from one to the next, wherever you are")],
  ["Enter", phrase("Insert the name, or take it out; with Shift in the negative prompt")],
  ["+", phrase("Insert it into the prompt, or take it out")],
  ["−", phrase("Insert it into the negative prompt, or take it out")],
  ["F", phrase("Mark it as a favourite")],
  ["I", phrase("Show its details; there, ← and → show the previous and the next")],
  ["X", phrase("Select it (like Ctrl+click); Shift+click then selects a range")],
  ["H", phrase("Hide it, or show it again: it still works in prompts")],
  ["Ctrl+A", phrase("Select all results")],
  ["Delete", phrase("Move it to the trash; you can restore it from there")],
  ["Esc", phrase("Go back to the prompt, or end the selection first")],
  ["?", phrase("Show these keys")],
];

const SEARCHES = [
  ["bad hands", phrase("Both words, in names, folders, notes, hashes or metadata")],
  ['"a phrase"', phrase("These words, in this order")],
  ["-word", phrase("Not this word")],
  ["sdxl", phrase("What this model family can use")],
  [".bin", phrase("Files with this ending")],
  ['author:ann, base:pony, tag:"old photo"', phrase("What other programs and sites say about a file")],
  ["8 vectors", phrase("Embeddings with that many vectors")],
];

/**
 * Answer a key, and keep the browser from answering it too.
 *
 * @param {Keyboard} keyboard
 * @param {KeyboardEvent} event
 */
export function answerKey(keyboard, event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const isOfSystem = event.ctrlKey || event.altKey || event.metaKey;
  const isAll = isOfSystem && event.key === "a" && !event.altKey && target.closest(".viewport");
  if ((isOfSystem && !isAll) || event.isComposing) return;
  if (target.closest("dialog") || (event.key === "Escape" && target.closest(":popover-open"))) return;
  const isAnswered = isAll ? done(keyboard.actions["pick-all"](target, event)) : answer(keyboard, target, event);
  if (isAnswered) event.preventDefault();
}

/**
 * @param {Keyboard} keyboard
 * @param {HTMLElement} target
 * @param {KeyboardEvent} event
 * @returns {boolean} Whether the key meant anything.
 */
function answer(keyboard, target, event) {
  if (target === keyboard.search && answerInSearch(keyboard, event.key)) return true;
  if (target.closest(".toolbar") && moveInToolbar(keyboard, target, keyOf(event))) return true;
  if (target === keyboard.search) return false;
  if (event.key === "/") return done(keyboard.search.select());
  if (event.key === "?") return done(keyboard.actions.keys(target, event));
  if (event.key === "Escape") return done(keyboard.picks.isOn ? keyboard.picks.end() : keyboard.leave());
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
 * Let Tab reach one part of the toolbar only: the one that has the focus, or had it last.
 *
 * @param {HTMLElement} toolbar
 * @param {Element} current
 */
export function reachInToolbar(toolbar, current) {
  for (const part of partsOf(toolbar)) part.tabIndex = part === current ? 0 : -1;
}

/**
 * @param {Keyboard} keyboard
 * @param {HTMLElement} target
 * @param {string} key
 */
function moveInToolbar({ toolbar, search }, target, key) {
  const parts = partsOf(toolbar).filter((part) => part.getClientRects().length);
  const last = parts.length - 1;
  const index = parts.indexOf(target);
  /** @type {Record<string, number>} */
  const places = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: last };
  const isAtEdge = search.selectionStart === search.selectionEnd && search.selectionEnd === edgeOf(search, key);
  if (!(key in places) || (target === search && !isAtEdge)) return false;
  return done(parts[Math.min(Math.max(places[key], 0), last)].focus());
}

/**
 * Return where the caret of a field must be, for a key to leave it.
 *
 * @param {HTMLInputElement} field
 * @param {string} key
 */
function edgeOf({ value }, key) {
  return key === "ArrowLeft" ? 0 : key === "ArrowRight" ? value.length : undefined;
}

/**
 * @param {HTMLElement} toolbar
 * @returns {HTMLElement[]}
 */
function partsOf(toolbar) {
  return Array.from(toolbar.querySelectorAll("button, input, select"));
}

/**
 * Show a list of the keys, and of what can be searched for, over the page.
 *
 * @param {HTMLElement} root Of the tab.
 */
export function showKeys(root) {
  const search = element("h2", {}, phrase("Search"));
  const list = dialog(phrase("Keys"), "keys", listOf(HELP), search, listOf(SEARCHES));
  showOver(list, root);
}

/** @param {string[][]} lines */
function listOf(lines) {
  const parts = lines.flatMap(([key, does]) => [element("dt", {}, element("kbd", {}, key)), element("dd", {}, does)]);
  return element("dl", {}, ...parts);
}

/**
 * @param {Keyboard} keyboard
 * @param {HTMLElement} item
 * @param {KeyboardEvent} event
 */
function answerInTree({ tree, actions }, item, event) {
  if (event.key === "Enter" || event.key === " ") return done(actions.folder(item, event));
  return tree.move(keyOf(event), item);
}

/**
 * @param {Keyboard} keyboard
 * @param {HTMLElement} target
 * @param {KeyboardEvent} event
 */
function answerInGrid({ grid, actions }, target, event) {
  if (grid.move(keyOf(event))) return true;
  const main = target.closest(".card")?.querySelector("button");
  const action = CARD_KEYS[event.key.length > 1 ? event.key : event.key.toLowerCase()];
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
