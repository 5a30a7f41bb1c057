/**
 * Show the folders as a tree that can be folded, with the number of files in each.
 */

import { element, setAttribute } from "../page.mjs";
import { number } from "../words.mjs";

/** @typedef {import("../api.mjs").Folder} Folder */
/** @typedef {Folder & {hasChildren: boolean, isOpen: boolean}} Branch */

/** The id of the row of all roots. */
const ALL = "";
const MOST_ROWS = 200;

/**
 * Return the rows of the tree that no folded folder hides.
 *
 * @param {Folder[]} folders Each parent before its children, as the API lists them.
 * @param {ReadonlySet<string>} opened Ids of the folders that are not folded.
 * @returns {Branch[]}
 */
export function visibleBranches(folders, opened) {
  /** @type {Branch[]} */
  const visible = [];
  let foldedDepth = Infinity;
  folders.forEach((folder, index) => {
    if (folder.depth > foldedDepth) return;
    const hasChildren = (folders[index + 1]?.depth ?? 0) > folder.depth;
    const isOpen = hasChildren && opened.has(folder.id);
    foldedDepth = hasChildren && !isOpen ? folder.depth : Infinity;
    visible.push({ ...folder, hasChildren, isOpen });
  });
  return visible;
}

export class FolderTree {
  /** @type {Folder[]} */
  #folders = [];
  /** @type {Set<string>} */
  #opened = new Set();
  #current = ALL;
  /** What was shown last, as JSON. */
  #shown = "";

  constructor() {
    this.tree = element("ul", { class: "tree", role: "tree", "aria-label": "Folders" });
    this.root = element("nav", { class: "folders", "aria-label": "Folders" }, this.tree);
  }

  /**
   * @param {Folder[]} all
   * @param {Record<string, number>} found How many files a click on each shows, by id.
   * @param {string} current The id of the chosen folder, empty for all.
   */
  show(all, found, current) {
    const folders = all.map((folder) => ({ ...folder, count: found[folder.id] ?? 0 }));
    const asJson = JSON.stringify([folders, current]);
    if (asJson === this.#shown) return;
    this.#shown = asJson;
    const roots = folders.filter(({ depth }) => depth === 0);
    const isFirst = !this.#folders.length;
    for (const { id, depth } of isFirst ? folders : []) {
      if (!depth || current.startsWith(`${id}/`)) this.#opened.add(id);
    }
    const top = { id: ALL, title: "All folders", depth: 0, count: roots.reduce((sum, { count }) => sum + count, 0) };
    this.#folders = roots.length === 1 ? folders : [top, ...folders];
    this.#current = current || (this.#folders[0]?.id ?? ALL);
    this.#render();
  }

  /** Whether there is anything to choose. */
  get isUseful() {
    return this.#folders.length > 1;
  }

  /**
   * Fold or unfold the folder of a row.
   *
   * @param {HTMLElement} row
   */
  fold(row) {
    const { id = "" } = row.dataset;
    if (!this.#opened.delete(id)) this.#opened.add(id);
    this.#render();
  }

  /**
   * Move from a row, or fold it, as a key asks for.
   *
   * @param {string} key
   * @param {HTMLElement} row
   * @returns {boolean} Whether the key meant anything.
   */
  move(key, row) {
    const rows = Array.from(this.tree.children, (child) => /** @type {HTMLElement} */ (child));
    const index = rows.indexOf(row);
    const isOpen = row.getAttribute("aria-expanded");
    if (key === "ArrowDown") rows[index + 1]?.focus();
    else if (key === "ArrowUp") rows[index - 1]?.focus();
    else if (key === "Home") rows[0].focus();
    else if (key === "End") rows[rows.length - 1].focus();
    else if (key === "ArrowRight" && isOpen === "false") this.fold(row);
    else if (key === "ArrowLeft" && isOpen === "true") this.fold(row);
    else if (key === "ArrowLeft") parentOf(rows, index)?.focus();
    else if (key === "ArrowRight" && isOpen) rows[index + 1]?.focus();
    else return false;
    return true;
  }

  #render() {
    const focused = /** @type {HTMLElement | null} */ (this.tree.querySelector(":focus"))?.dataset.id;
    const branches = visibleBranches(this.#folders, this.#opened);
    const rows = branches.slice(0, MOST_ROWS).map((branch) => this.#row(branch));
    if (branches.length > MOST_ROWS) rows.push(moreRow(branches.length - MOST_ROWS));
    this.tree.replaceChildren(...rows);
    if (!rows.some(({ tabIndex }) => tabIndex === 0)) setAttribute(rows[0] ?? this.tree, "tabindex", 0);
    if (focused !== undefined) rows.find(({ dataset }) => dataset.id === focused)?.focus();
  }

  /** @param {Branch} branch */
  #row({ id, title, depth, count, hasChildren, isOpen }) {
    const isCurrent = id === this.#current;
    const row = element(
      "li",
      {
        role: "treeitem",
        "data-action": "folder",
        "data-id": id,
        "aria-level": depth + 1,
        "aria-selected": String(isCurrent),
        "aria-expanded": hasChildren ? String(isOpen) : null,
        tabindex: isCurrent ? 0 : -1,
      },
      element("span", { class: "twisty", "data-action": hasChildren ? "fold" : null }),
      element("span", { class: "title", dir: "auto", title }, title),
      element("span", { class: "count" }, number(count)),
    );
    row.style.setProperty("--depth", String(depth));
    return row;
  }
}

/** @param {number} count */
function moreRow(count) {
  return element(
    "li",
    { role: "treeitem", class: "more" },
    `${number(count)} more folders: type a name into the search`,
  );
}

/**
 * @param {HTMLElement[]} rows
 * @param {number} index
 */
function parentOf(rows, index) {
  const level = Number(rows[index].getAttribute("aria-level"));
  return rows
    .slice(0, index)
    .reverse()
    .find((row) => Number(row.getAttribute("aria-level")) < level);
}
