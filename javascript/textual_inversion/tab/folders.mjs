/**
 * Show the folders as a tree that can be folded, with the number of files in each.
 */

import { element, setAttribute } from "../page.mjs";
import { number, phrase } from "../phrases.mjs";

/** @typedef {import("../api.mjs").FoundFolder} Folder */
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
  /** @type {Folder[]} The rows, folded or not. */
  #rows = [];
  /** @type {Set<string>} */
  #opened = new Set();
  #current = ALL;
  /** What was asked last, and what was shown last, as JSON. */
  #asked = "";
  #shown = "";
  /** @type {Folder[]} All that the library has, as they were told last. */
  folders = [];

  /**
   * @param {import("../api.mjs").Api} api
   * @param {() => void} changed Called when there are other folders.
   */
  constructor(api, changed) {
    this.api = api;
    this.changed = changed;
    this.tree = element("ul", { class: "tree", role: "tree", "aria-label": phrase("Folders") });
    this.root = element("nav", { class: "folders", "aria-label": phrase("Folders") }, this.tree);
  }

  /**
   * Show the folders that the library has by now, and how many files of each a search finds.
   *
   * @param {import("./search.mjs").Search} search
   * @param {boolean} isSeen Whether anybody sees the tree: what is found is not asked for otherwise.
   */
  async update({ results, filters: { folder, ...others }, selection }, isSeen) {
    const filters = isSeen ? others : {};
    const asked = JSON.stringify([results?.summary?.generation, filters]);
    if (asked !== this.#asked) {
      this.#asked = asked;
      const folders = await this.api.folders(filters).catch(() => null);
      if (asked !== this.#asked) return;
      if (folders) this.folders = folders;
      else this.#asked = ""; // The connection is lost, which the toolbar shows.
    }
    this.#show(selection.folder);
  }

  /** @param {string} current */
  #show(current) {
    const { folders } = this;
    const asJson = JSON.stringify([folders, current]);
    if (asJson === this.#shown) return;
    this.#shown = asJson;
    const roots = folders.filter(({ depth }) => depth === 0);
    const isFirst = !this.#rows.length;
    for (const { id, depth } of isFirst ? folders : []) {
      if (!depth || current.startsWith(`${id}/`)) this.#opened.add(id);
    }
    const [count, found] = [sumOf(roots, "count"), sumOf(roots, "found")];
    const top = { id: ALL, title: phrase("All folders"), depth: 0, count, found };
    this.#rows = roots.length === 1 ? folders : [top, ...folders];
    this.#current = current || (this.#rows[0]?.id ?? ALL);
    this.#render();
    this.changed();
  }

  /** Whether there is anything to choose. */
  get isUseful() {
    return this.#rows.length > 1;
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
    const branches = visibleBranches(this.#rows, this.#opened);
    const rows = branches.slice(0, MOST_ROWS).map((branch) => this.#row(branch));
    if (branches.length > MOST_ROWS) rows.push(moreRow(branches.length - MOST_ROWS));
    this.tree.replaceChildren(...rows);
    if (!rows.some(({ tabIndex }) => tabIndex === 0)) setAttribute(rows[0] ?? this.tree, "tabindex", 0);
    if (focused !== undefined) rows.find(({ dataset }) => dataset.id === focused)?.focus();
  }

  /** @param {Branch} branch */
  #row({ id, title, depth, found, hasChildren, isOpen }) {
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
      element("span", { class: "count" }, number(found)),
    );
    row.style.setProperty("--depth", String(depth));
    return row;
  }
}

/**
 * @param {Folder[]} folders
 * @param {"count" | "found"} key
 */
function sumOf(folders, key) {
  return folders.reduce((sum, folder) => sum + folder[key], 0);
}

/** @param {number} count */
function moreRow(count) {
  return element(
    "li",
    { role: "treeitem", class: "more" },
    phrase("{count} more folders: type a name into the search", { count: number(count) }),
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
