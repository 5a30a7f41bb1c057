/**
 * The tab: its parts put together, and what they do for each other.
 */

import { Api } from "../api.mjs";
import { element, watchSight } from "../elements.mjs";
import { listen } from "../live.mjs";
import { hasEditor, openEditor } from "../webui.mjs";
import { dropBrokenPictures, showPlaces } from "../cards/card.mjs";
import { DetailsPanel } from "../cards/details.mjs";
import { Grid } from "../cards/grid.mjs";
import { BOX_KINDS, keepCaret } from "../prompt/fields.mjs";
import { Insertion } from "../prompt/insertion.mjs";
import { showEmpty } from "./empty.mjs";
import { FolderTree } from "./folders.mjs";
import { answerKey } from "./keys.mjs";
import { Catalogue } from "./search.mjs";
import { recall, remember, sayTotal, SORTS } from "./selection.mjs";
import { Toolbar } from "./toolbar.mjs";

/** @typedef {import("../api.mjs").BoxKind} BoxKind */
/** @typedef {import("../api.mjs").Changes} Changes */
/** @typedef {import("../api.mjs").Entry} Entry */
/** @typedef {import("../cards/result_pages.mjs").Listing} Listing */
/** @typedef {import("./selection.mjs").Choices} Choices */
/** @typedef {import("./selection.mjs").Sort} Sort */
/** @typedef {import("./selection.mjs").View} View */
/** @typedef {(target: HTMLElement, event: Event) => unknown} Action */

const ROOM_FOR_FOLDERS = 768;

export class Tab {
  #closing = new AbortController();
  #choices = recall(innerWidth >= ROOM_FOR_FOLDERS);
  #isShown = false;
  #stopListening = () => {};

  /** @param {HTMLElement} root An empty element in the page. */
  constructor(root) {
    const { signal } = this.#closing;
    const { api = "/lib-embeddings/v1", tabname = "txt2img" } = root.dataset;
    this.root = root;
    this.api = new Api(api);
    this.toolbar = new Toolbar();
    this.tree = new FolderTree();
    this.empty = element("div", { class: "empty", hidden: true });
    this.details = new DetailsPanel(this.api, {
      changed: (entry, id) => this.catalogue.follow(entry, id),
      placesOf: (entry) => this.insertion.placesOf(entry),
    });
    this.insertion = new Insertion(tabname, { aimed: () => this.#showTarget(), marked: () => this.#markAll() }, signal);
    this.grid = new Grid(
      {
        hasEditor: hasEditor(root),
        picture: (entry, width) => (entry.preview ? this.api.preview(entry, width) : null),
        decorate: (card, entry) => this.#mark(card, entry),
      },
      signal,
    );
    this.catalogue = new Catalogue(this.api, this.#choices, {
      capacity: () => this.grid.capacity,
      holdsPlace: (listing) => this.grid.holdsPlace(listing),
      show: (listing, options) => this.#show(listing, options),
      render: () => {
        this.grid.render();
        this.#learn();
      },
      warn: (problem) => this.toolbar.warn("request", problem && `Not loaded: ${problem.message}. Trying again …`),
    });
    this.#build();
    this.#listenToPeople(signal);
    watchSight(root, (isShown) => this.#setShown(isShown), signal);
  }

  /** Leave nothing behind: the root is no longer in the page. */
  close() {
    this.#setShown(false);
    this.catalogue.close();
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
    this.toolbar.showTarget(null);
    this.toolbar.say("Loading …");
  }

  // What is shown

  /**
   * @param {Listing} listing
   * @param {{keepsPlace: boolean}} options
   */
  #show(listing, options) {
    const { summary } = listing;
    if (!summary) return;
    this.toolbar.showFilters(summary, this.catalogue.view.filter);
    this.tree.show(summary.folders, this.catalogue.view.folder);
    this.#showChoices();
    showEmpty(this.empty, this.catalogue.view, summary);
    this.grid.viewport.hidden = !summary.total;
    this.grid.show(listing, options);
    this.#learn();
    this.toolbar.say(sayTotal(this.catalogue.view, summary));
  }

  /** Learn names, those in sight first, and mark those that are in a prompt. */
  #learn() {
    this.insertion.learn(Array.from(this.grid.shown(), ({ entry }) => entry));
    this.insertion.lookSoon();
    const { generation } = this.catalogue.listing?.summary ?? {};
    if (generation !== undefined) this.insertion.learnAll(this.api, generation);
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
    const { target, boxes } = this.insertion;
    this.toolbar.showTarget(target);
    boxes.mark(this.#isShown ? target : null);
    this.#markAll();
  }

  // What people do

  /** @type {Record<string, Action>} By the `data-action` of what was clicked, changed or typed into. */
  #actions = {
    insert: (card, event) => this.#toggle(card, (entry) => this.insertion.aimOf(entry, event)),
    positive: (card) => this.#toggle(card, () => "positive"),
    negative: (card) => this.#toggle(card, () => "negative"),
    favourite: (card) => this.#toggleFavourite(card),
    details: (card) => this.#withEntry(card, (entry) => this.details.open(entry)),
    edit: (_button, event) => openEditor(this.root, event),
    close: () => this.details.close(),
    rename: ({ dataset }) => this.details.renaming.open(dataset.name ?? ""),
    copy: (button) => this.details.copy(button),
    setting: (input) => this.details.change(/** @type {HTMLInputElement} */ (input)),
    search: () => this.catalogue.look({ query: this.toolbar.search.value.trim() }),
    filter: ({ dataset }) => this.catalogue.look({ filter: /** @type {View["filter"]} */ (dataset.value) }),
    folder: ({ dataset }) => this.catalogue.look({ folder: dataset.id ?? "" }),
    fold: (twisty) => this.tree.fold(/** @type {HTMLElement} */ (twisty.parentElement)),
    folders: () => this.#choose({ showsFolders: !this.#choices.showsFolders }),
    sort: () => {
      const sort = /** @type {Sort} */ (this.toolbar.sort.value);
      this.#choose({ sort, order: SORTS.get(sort)?.order });
    },
    order: () => this.#choose({ order: this.#choices.order === "asc" ? "desc" : "asc" }),
    target: ({ dataset }) => this.insertion.aim(BOX_KINDS.find((kind) => kind === dataset.value) ?? null),
    rescan: () => this.#rescan(),
    offer: ({ dataset }) => this.#accept(JSON.parse(dataset.view ?? "{}")),
  };

  /** @param {AbortSignal} signal */
  #listenToPeople(signal) {
    const { root, grid, tree, insertion, toolbar } = this;
    const keyboard = {
      grid,
      tree,
      search: toolbar.search,
      act: (/** @type {HTMLElement} */ on, /** @type {string} */ action, /** @type {Event} */ event) =>
        this.#actions[action](on, event),
      clearSearch: () => this.#accept({ query: "" }),
      leave: () => insertion.boxes.focus(),
    };
    for (const type of ["click", "change", "input"])
      root.addEventListener(type, (event) => this.#act(event), { signal });
    root.addEventListener("keydown", (event) => answerKey(keyboard, event), { signal });
    root.addEventListener("mousedown", keepCaret, { signal });
    root.addEventListener("focusin", ({ target }) => grid.activate(/** @type {Element} */ (target).closest(".card")), {
      signal,
    });
    root.addEventListener("pointerenter", () => insertion.lookSoon(), { signal });
    dropBrokenPictures(root, signal);
  }

  /**
   * Do what an element asks for: the search when typed into, fields when changed, others when clicked.
   *
   * @param {Event} event
   */
  #act(event) {
    const target = /** @type {Element} */ (event.target).closest("[data-action]");
    if (!(target instanceof HTMLElement)) return;
    const isField = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    const wanted = target === this.toolbar.search ? "input" : isField ? "change" : "click";
    if (event.type === wanted) this.#actions[target.dataset.action ?? ""]?.(target, event);
  }

  /**
   * @param {HTMLElement} inCard
   * @param {(entry: Entry) => BoxKind} where
   */
  #toggle(inCard, where) {
    this.#withEntry(inCard, (entry) => this.toolbar.say(this.insertion.toggle(entry, where(entry))));
  }

  /** @param {HTMLElement} inCard */
  #toggleFavourite(inCard) {
    this.#withEntry(inCard, ({ id, name, favourite }) =>
      this.#attempt(async () => {
        await this.api.change(id, { favourite: !favourite });
        this.catalogue.refresh();
        return favourite ? `${name} is no favourite any more` : `${name} is a favourite`;
      }),
    );
  }

  #rescan() {
    return this.#attempt(async () => {
      const { added, modified, deleted } = await this.api.rescan();
      return added + modified + deleted
        ? `${added} added, ${modified} changed, ${deleted} deleted`
        : "Nothing has changed";
    });
  }

  /**
   * Say how something went.
   *
   * @param {() => Promise<string>} work
   */
  async #attempt(work) {
    try {
      this.toolbar.say(await work());
    } catch (error) {
      this.toolbar.say(`Not done: ${/** @type {Error} */ (error).message}`);
    }
  }

  /**
   * @param {HTMLElement} inCard
   * @param {(entry: Entry) => void} use
   */
  #withEntry(inCard, use) {
    const card = inCard.closest(".card");
    for (const { card: shown, entry } of this.grid.shown()) if (shown === card) use(entry);
  }

  /** @param {Partial<Choices>} change */
  #choose(change) {
    this.#choices = { ...this.#choices, ...change };
    remember(this.#choices);
    this.#showChoices();
    if (!("showsFolders" in change)) this.catalogue.arrange(this.#choices);
  }

  /** @param {Partial<View>} view */
  #accept(view) {
    if (view.query !== undefined) this.toolbar.search.value = view.query;
    this.catalogue.look(view);
  }

  // What happens in the library

  /** @param {boolean} isShown */
  #setShown(isShown) {
    if (this.#isShown === isShown) return;
    this.#isShown = isShown;
    this.#showTarget();
    this.#stopListening();
    if (!isShown) return;
    if (!this.catalogue.listing) this.catalogue.refresh();
    this.insertion.lookSoon();
    this.#stopListening = listen(`${this.api.base}/events`, {
      changed: (changes) => this.#hear(changes),
      connection: (isConnected) => this.toolbar.warn("connection", isConnected ? "" : "Not connected. Trying again …"),
    });
  }

  /** @param {Changes} changes */
  #hear({ generation }) {
    this.catalogue.hear(generation);
    this.details.refresh();
  }
}
