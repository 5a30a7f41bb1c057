/**
 * Show the folders as a tree that can be folded, with the number of files in each.
 */

import { element, setChildren, setText } from "../dom.mjs";
import { number, phrase } from "../phrases.mjs";
import { Questions } from "../request.mjs";

/** @typedef {import("../answers.mjs").FoundFolder} Folder */
/** @typedef {Folder & {hasChildren: boolean, isOpen: boolean}} Branch */

/** The id of the item of all roots. */
const ALL = "";
const MOST_ITEMS = 200;
const PAUSE_MS = 150;

/**
 * Return the items of the tree that no folded folder hides.
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
  /** @type {Folder[]} The items, folded or not. */
  #items = [];
  /** @type {Set<string>} */
  #opened = new Set();
  #current = ALL;
  /** The id of the folder that the search is in. */
  #wanted = ALL;
  /** What was asked last, as JSON. */
  #asked = "";
  /** @type {Map<string, HTMLElement>} The items' elements, by all that is in them but their numbers. */
  #elements = new Map();
  /** @type {Folder[]} All that the library has, as they were told last. */
  folders = [];

  /**
   * @param {import("../api.mjs").Api} api
   * @param {() => void} changed Called when there are other folders.
   */
  constructor(api, changed) {
    this.changed = changed;
    /** @type {Questions<import("../answers.mjs").Parameters, Folder[]>} */
    this.questions = new Questions((filters) => api.folders(filters), (folders) => this.#receive(folders));
    this.tree = element("ul", { class: "tree", role: "tree", "aria-label": phrase("Folders") });
    this.root = element("nav", { class: "folders", "aria-label": phrase("Folders") }, this.tree);
  }

  /**
   * Show the folders that the library has by now, and how many files of each a search finds.
   *
   * @param {import("./search.mjs").Search} search
   * @param {boolean} isSeen Whether anybody sees the tree: what is found is not asked for otherwise.
   */
  update(search, isSeen) {
    const { folder, ...others } = search.filters;
    const filters = isSeen ? others : {};
    const asked = JSON.stringify([search.results?.summary?.generation, filters]);
    this.#wanted = search.query.folder;
    if (asked === this.#asked) {
      this.#show(this.folders);
      return;
    }
    this.#asked = asked;
    // Whoever types waits for cards, not for these numbers.
    this.questions.ask(filters, this.folders.length && PAUSE_MS);
  }

  /** @param {Folder[] | undefined} folders None if the connection is lost, which the toolbar shows. */
  #receive(folders) {
    if (!folders) this.#asked = "";
    this.#show(folders ?? this.folders);
  }

  /** @param {Folder[]} folders */
  #show(folders) {
    const [former, current] = [this.folders, this.#wanted];
    this.folders = folders;
    const roots = folders.filter(({ depth }) => depth === 0);
    for (const { id, depth } of former.length ? [] : folders) {
      if (!depth || current.startsWith(`${id}/`)) this.#opened.add(id);
    }
    const [count, found] = [sumOf(roots, "count"), sumOf(roots, "found")];
    const top = { id: ALL, title: phrase("All folders"), depth: 0, count, found };
    this.#items = roots.length === 1 ? folders : [top, ...folders];
    this.#current = current || (this.#items[0]?.id ?? ALL);
    this.#render();
    if (!areSame(folders, former)) this.changed();
  }

  /** Whether there is anything to choose. */
  get isUseful() {
    return this.#items.length > 1;
  }

  /**
   * Fold or unfold the folder of an item.
   *
   * @param {HTMLElement} item
   */
  fold(item) {
    const { id = "" } = item.dataset;
    if (!this.#opened.delete(id)) this.#opened.add(id);
    this.#render();
  }

  /**
   * Move from an item, or fold it, as a key asks for.
   *
   * @param {string} key
   * @param {HTMLElement} item
   * @returns {boolean} Whether the key meant anything.
   */
  move(key, item) {
    const items = Array.from(this.tree.children, (child) => /** @type {HTMLElement} */ (child));
    const index = items.indexOf(item);
    const isOpen = item.getAttribute("aria-expanded");
    if (key === "ArrowDown") items[index + 1]?.focus();
    else if (key === "ArrowUp") items[index - 1]?.focus();
    else if (key === "Home") items[0].focus();
    else if (key === "End") items[items.length - 1].focus();
    else if (key === "ArrowRight" && isOpen === "false") this.fold(item);
    else if (key === "ArrowLeft" && isOpen === "true") this.fold(item);
    else if (key === "ArrowLeft") parentOf(items, index)?.focus();
    else if (key === "ArrowRight" && isOpen) items[index + 1]?.focus();
    else return false;
    return true;
  }

  #render() {
    const focused = /** @type {HTMLElement | null} */ (this.tree.querySelector(":focus"))?.dataset.id;
    const branches = visibleBranches(this.#items, this.#opened);
    const reachable = Math.max(0, branches.findIndex(({ id }) => id === this.#current));
    const former = this.#elements;
    this.#elements = new Map();
    branches.slice(0, MOST_ITEMS).forEach(({ found, count, ...branch }, at) => {
      const look = { ...branch, isCurrent: branch.id === this.#current, isReachable: at === reachable };
      const key = JSON.stringify(look);
      const item = former.get(key) ?? createItem(look);
      setText(/** @type {Element} */ (item.lastElementChild), number(found));
      this.#elements.set(key, item);
    });
    const more = branches.length - MOST_ITEMS;
    if (more > 0) this.#elements.set(String(more), former.get(String(more)) ?? moreItem(more));
    const items = Array.from(this.#elements.values());
    setChildren(this.tree, items);
    if (focused !== undefined) items.find(({ dataset }) => dataset.id === focused)?.focus();
  }
}

/** @param {Omit<Branch, "count" | "found"> & {isCurrent: boolean, isReachable: boolean}} look */
function createItem({ id, title, depth, hasChildren, isOpen, isCurrent, isReachable }) {
  const item = element(
    "li",
    {
      role: "treeitem",
      "data-action": "folder",
      "data-id": id,
      "aria-level": depth + 1,
      "aria-selected": String(isCurrent),
      "aria-expanded": hasChildren ? String(isOpen) : null,
      tabindex: isReachable ? 0 : -1,
    },
    element("span", { class: "twisty", "data-action": hasChildren ? "fold" : null }),
    element("span", { class: "title", dir: "auto", title }, title),
    element("span", { class: "count" }),
  );
  item.style.setProperty("--depth", String(depth));
  return item;
}

/**
 * @param {Folder[]} some
 * @param {Folder[]} others
 * @returns Whether they are the same folders, however many files are in them.
 */
function areSame(some, others) {
  return some.length === others.length && some.every(({ id, title }, at) => id === others[at].id && title === others[at].title);
}

/**
 * @param {Folder[]} folders
 * @param {"count" | "found"} key
 */
function sumOf(folders, key) {
  return folders.reduce((sum, folder) => sum + folder[key], 0);
}

/** @param {number} count */
function moreItem(count) {
  return element(
    "li",
    { role: "treeitem", class: "more" },
    phrase("{count} more folders: type a name into the search", { count: number(count) }),
  );
}

/**
 * @param {HTMLElement[]} items
 * @param {number} index
 */
function parentOf(items, index) {
  const level = Number(items[index].getAttribute("aria-level"));
  return items
    .slice(0, index)
    .reverse()
    .find((item) => Number(item.getAttribute("aria-level")) < level);
}
