/**
 * The tab: its parts, and what they do for each other.
 */

import { element, hasEditor, openEditor, watchVisibility } from "../page.mjs";
import { listen } from "../live.mjs";
import { FIELDS, number } from "../words.mjs";
import { dropBrokenPictures, showPlaces } from "../cards/card.mjs";
import { DetailsPanel } from "../cards/details.mjs";
import { Grid } from "../cards/grid.mjs";
import { keepCaret } from "../prompt/fields.mjs";
import { Insertion } from "../prompt/insertion.mjs";
import { showEmpty } from "./empty.mjs";
import { FolderTree } from "./folders.mjs";
import { answerKey } from "./keys.mjs";
import { Search } from "./search.mjs";
import { recall, remember, totalText, SORTS } from "./selection.mjs";
import { Toolbar } from "./toolbar.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../api.mjs").Changes} Changes */
/** @typedef {import("../api.mjs").Entry} Entry */
/** @typedef {import("../api.mjs").Field} Field */
/** @typedef {import("../api.mjs").Host} Host */
/** @typedef {import("../cards/result_pages.mjs").ResultPages} ResultPages */
/** @typedef {import("./selection.mjs").Choices} Choices */
/** @typedef {import("./selection.mjs").Selection} Selection */
/** @typedef {import("./selection.mjs").Sort} Sort */
/** @typedef {(target: HTMLElement, event: Event) => unknown} Action */

const ROOM_FOR_FOLDERS = 768;
const PROGRESS_MS = 1000;

export class Tab {
  #closing = new AbortController();
  #choices = recall(innerWidth >= ROOM_FOR_FOLDERS);
  #isShown = false;
  #stopListening = () => {};
  /** @type {number | undefined} */
  #progressTimer;

  /**
   * @param {HTMLElement} root An empty element in the page.
   * @param {Api} api
   * @param {Host} host
   */
  constructor(root, api, host) {
    const { signal } = this.#closing;
    const { tabname = "txt2img" } = root.dataset;
    this.root = root;
    this.api = api;
    this.toolbar = new Toolbar();
    this.tree = new FolderTree();
    this.empty = element("div", { class: "empty", hidden: true });
    this.details = new DetailsPanel(api, host, {
      changed: (entry, id) => this.search.replace(entry, id),
      placesOf: (entry) => this.insertion.placesOf(entry),
    });
    const marks = { targetChanged: () => this.#showTarget(), usedChanged: () => this.#markAll() };
    this.insertion = new Insertion(tabname, host.separator, marks, signal);
    this.grid = new Grid(
      {
        host,
        hasEditor: hasEditor(root),
        picture: (entry, width) => (entry.preview ? this.api.preview(entry, width) : null),
        decorate: (card, entry) => this.#mark(card, entry),
      },
      signal,
    );
    this.search = new Search(api, this.#choices, host.limits.page, {
      capacity: () => this.grid.capacity,
      holdsPlace: (results) => this.grid.holdsPlace(results),
      show: (results, options) => this.#show(results, options),
      render: () => {
        this.grid.render();
        this.#addNames();
      },
      warn: (problem) => this.toolbar.warn("request", problem && `Not loaded: ${problem.message}. Trying again …`),
    });
    this.#build();
    this.#addListeners(signal);
    watchVisibility(root, (isShown) => this.#setShown(isShown), signal);
  }

  /** Leave nothing behind: the root is no longer in the page. */
  close() {
    this.#setShown(false);
    this.search.close();
    this.#closing.abort();
  }

  #build() {
    const shelf = element("div", { class: "shelf" }, this.grid.viewport, this.empty);
    this.root.replaceChildren(
      this.toolbar.root,
      element("div", { class: "split" }, this.tree.root, shelf),
      this.details.root,
    );
    this.#showChoices();
  }

  // What is shown

  /**
   * @param {ResultPages} results
   * @param {{keepsPlace: boolean}} options
   */
  #show(results, options) {
    const { summary } = results;
    if (!summary) return;
    this.toolbar.showFilters(summary, this.search.selection.filter);
    this.tree.show(summary.folders, this.search.selection.folder);
    this.#showChoices();
    showEmpty(this.empty, this.search.selection, summary);
    this.grid.viewport.hidden = !summary.total;
    this.grid.show(results, options);
    this.#addNames();
    this.toolbar.showStatus(totalText(this.search.selection, summary));
    this.#followScan();
  }

  /** Ask again while the first scan runs, which ends without an event where it finds nothing. */
  #followScan() {
    clearTimeout(this.#progressTimer);
    if (this.#isShown && this.search.results?.summary?.scanning)
      this.#progressTimer = setTimeout(() => this.search.refresh(), PROGRESS_MS);
  }

  /** Add names to the known ones, those in sight first, and mark those that are in a prompt. */
  #addNames() {
    this.insertion.addNames(Array.from(this.grid.shown(), ({ entry }) => entry));
    this.insertion.updateUsed();
    const { generation } = this.search.results?.summary ?? {};
    if (generation !== undefined) this.insertion.loadAllNames(this.api, generation);
  }

  #showChoices() {
    this.toolbar.showChoices(this.#choices);
    this.tree.root.hidden = !this.#choices.showsFolders || !this.tree.isUseful;
    this.toolbar.foldersToggle.hidden = !this.tree.isUseful;
  }

  /**
   * @param {HTMLLIElement} card
   * @param {Entry} entry
   */
  #mark(card, entry) {
    showPlaces(card, this.insertion.placesOf(entry), this.insertion.targetOf(entry));
  }

  #markAll() {
    for (const { card, entry } of this.grid.shown()) this.#mark(card, entry);
  }

  #showTarget() {
    const { target, fields } = this.insertion;
    this.toolbar.showTarget(target);
    fields.mark(this.#isShown ? target : null);
    this.#markAll();
  }

  // What people do

  /** @type {Record<string, Action>} By the `data-action` of what was clicked, changed or typed into. */
  #actions = {
    insert: (card, event) => this.#toggle(card, (entry) => this.insertion.targetFor(entry, event)),
    positive: (card) => this.#toggle(card, () => "positive"),
    negative: (card) => this.#toggle(card, () => "negative"),
    favourite: (card) => this.#toggleFavourite(card),
    details: (card) => this.#openDetails(card),
    edit: (_button, event) => openEditor(this.root, event),
    close: () => this.details.close(),
    rename: ({ dataset }) => this.details.renaming.open(dataset.name ?? ""),
    copy: (button) => this.details.copy(button),
    choice: (input) => this.details.choose(/** @type {HTMLInputElement} */ (input)),
    search: () => this.search.select({ query: this.toolbar.search.value.trim() }),
    filter: ({ dataset }) => this.search.select({ filter: /** @type {Selection["filter"]} */ (dataset.value) }),
    folder: ({ dataset }) => this.search.select({ folder: dataset.id ?? "" }),
    fold: (twisty) => this.tree.fold(/** @type {HTMLElement} */ (twisty.parentElement)),
    folders: () => this.#choose({ showsFolders: !this.#choices.showsFolders }),
    sort: () => {
      const sort = /** @type {Sort} */ (this.toolbar.sort.value);
      this.#choose({ sort, order: SORTS.get(sort)?.order });
    },
    order: () => this.#choose({ order: this.#choices.order === "asc" ? "desc" : "asc" }),
    target: ({ dataset }) => this.insertion.setTarget(FIELDS.find((field) => field === dataset.value) ?? null),
    rescan: () => this.#rescan(),
    offer: ({ dataset }) => this.#accept(JSON.parse(dataset.selection ?? "{}")),
  };

  /** @param {AbortSignal} signal */
  #addListeners(signal) {
    const { root, grid, tree, insertion, toolbar } = this;
    const keyboard = {
      grid,
      tree,
      search: toolbar.search,
      actions: this.#actions,
      clearSearch: () => this.#accept({ query: "" }),
      leave: () => insertion.fields.focus(),
    };
    for (const type of ["click", "change", "input"])
      root.addEventListener(type, (event) => this.#act(event), { signal });
    root.addEventListener("keydown", (event) => answerKey(keyboard, event), { signal });
    root.addEventListener("mousedown", keepCaret, { signal });
    root.addEventListener("focusin", ({ target }) => grid.activate(/** @type {Element} */ (target).closest(".card")), {
      signal,
    });
    root.addEventListener("pointerenter", () => insertion.updateUsed(), { signal });
    dropBrokenPictures(root, signal);
  }

  /**
   * Do what an element asks for: the search when typed into, other inputs when changed, buttons when clicked.
   *
   * @param {Event} event
   */
  #act(event) {
    const target = /** @type {Element} */ (event.target).closest("[data-action]");
    if (!(target instanceof HTMLElement)) return;
    const isInput = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    const wanted = target === this.toolbar.search ? "input" : isInput ? "change" : "click";
    if (event.type === wanted) this.#actions[target.dataset.action ?? ""]?.(target, event);
  }

  /**
   * @param {HTMLElement} inCard
   * @param {(entry: Entry) => Field} where
   */
  #toggle(inCard, where) {
    const entry = this.grid.entryOf(inCard);
    if (entry) this.toolbar.showStatus(this.insertion.toggle(entry, where(entry)));
  }

  /** @param {HTMLElement} inCard */
  #toggleFavourite(inCard) {
    const entry = this.grid.entryOf(inCard);
    if (!entry) return;
    const { id, name, favourite } = entry;
    this.toolbar.attempt("Not saved", async () => {
      await this.api.choose(id, { favourite: !favourite });
      this.search.refresh();
      return favourite ? `Removed ${name} from the favourites` : `Added ${name} to the favourites`;
    });
  }

  /** @param {HTMLElement} inCard */
  #openDetails(inCard) {
    const entry = this.grid.entryOf(inCard);
    if (entry) this.details.open(entry);
  }

  #rescan() {
    return this.toolbar.attempt("Not scanned", async () => {
      const { added, modified, deleted } = await this.api.rescan();
      return added + modified + deleted
        ? `${number(added)} added, ${number(modified)} changed, ${number(deleted)} deleted`
        : "Nothing has changed";
    });
  }

  /** @param {Partial<Choices>} change */
  #choose(change) {
    this.#choices = { ...this.#choices, ...change };
    remember(this.#choices);
    this.#showChoices();
    if (!("showsFolders" in change)) this.search.sort(this.#choices);
  }

  /** @param {Partial<Selection>} selection */
  #accept(selection) {
    if (selection.query !== undefined) this.toolbar.search.value = selection.query;
    this.search.select(selection);
  }

  // What happens in the library

  /** @param {boolean} isShown */
  #setShown(isShown) {
    if (this.#isShown === isShown) return;
    this.#isShown = isShown;
    this.#showTarget();
    this.#stopListening();
    this.#followScan();
    if (!isShown) return;
    if (!this.search.results) this.search.refresh();
    this.insertion.updateUsed();
    this.#stopListening = listen(`${this.api.base}/events`, {
      changed: (changes) => this.#update(changes),
      connection: (isConnected) => this.toolbar.warn("connection", isConnected ? "" : "Not connected. Trying again …"),
    });
  }

  /** @param {Changes} changes */
  #update({ generation }) {
    this.search.update(generation);
    this.details.refresh();
  }
}
