/** The tab: its parts, and what they do for each other. */

import { element, obey, setAttribute, watchVisibility } from "../dom.mjs";
import { Own } from "../own.mjs";
import { showPlaces } from "../cards/card.mjs";
import { DetailsPanel } from "../cards/details.mjs";
import { Grid } from "../cards/grid.mjs";
import { NewPicture } from "../cards/new_picture.mjs";
import { watchPictures } from "../cards/peek.mjs";
import { showMatches } from "../cards/text.mjs";
import { phrase } from "../phrases.mjs";
import { keepCaret } from "../prompt/fields.mjs";
import { Insertion } from "../prompt/insertion.mjs";
import { actionsOf } from "./actions.mjs";
import { emptyView, showEmpty, showNoAnswer } from "./empty.mjs";
import { Files } from "./files.mjs";
import { FolderTree } from "./folders.mjs";
import { answerKey, reachInToolbar } from "./keys.mjs";
import { Picks } from "./picks.mjs";
import { Search } from "./search.mjs";
import { Address, EVERYTHING, remember, totalText, SORTS } from "./query.mjs";
import { Sets } from "./sets.mjs";
import { Toolbar } from "./toolbar.mjs";
import { UndoBar } from "./undo.mjs";
import { hasEditor, openTabs } from "../webui.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../answers.mjs").Entry} Entry */
/** @typedef {import("../answers.mjs").Host} Host */
/** @typedef {import("../answers.mjs").LibrarySummary} LibrarySummary */
/** @typedef {import("./query.mjs").Display} Display */
/** @typedef {import("./query.mjs").Query} Query */

export class Tab {
  #closing = new AbortController();
  /** @type {Display} */
  display;
  #isShown = false;

  /**
   * @param {HTMLElement} root An empty element in the page.
   * @param {Api} api
   * @param {Host} host
   */
  constructor(root, api, host) {
    const { signal } = this.#closing;
    const { tabname = "txt2img" } = root.dataset;
    const own = (this.own = new Own(api.base, host.limits));
    this.root = root;
    this.api = api;
    this.address = new Address(root.dataset);
    const { query, display } = this.address.read(host.families);
    this.display = display;
    this.toolbar = new Toolbar(tabname, host);
    this.toolbar.search.value = query.text;
    this.tree = new FolderTree(api, () => {
      this.#showDisplay();
      this.files.offerFolders();
    });
    this.empty = emptyView();
    this.undo = new UndoBar(root, signal);
    const report = this.undo.show.bind(this.undo);
    const changed = (/** @type {Entry} */ entry, /** @type {string} */ id) => this.#changed(entry, id);
    const isAdded = (/** @type {File} */ picture) => this.files.drops.takeEmbedding(picture);
    this.newPicture = new NewPicture(own, tabname, { changed, report, isAdded });
    this.picks = new Picks({
      placeOf: ({ id }) => this.search.results?.indexOf(id) ?? -1,
      found: (first, end) => this.search.found(first, end),
      changed: () => this.#markAll(),
    });
    this.details = new DetailsPanel(api, own, host, this.newPicture, {
      home: root,
      changed: (entry, id) => this.search.replace(entry, id),
      placesOf: (entry) => this.insertion.placesOf(entry),
      targetOf: (entry) => this.insertion.targetOf(entry),
      walk: (way) => this.grid.walk(way),
      closed: (entry) => this.grid.focus(entry),
    });
    const marks = { targetChanged: () => this.#showTarget(), usedChanged: () => this.#markAll() };
    this.insertion = new Insertion(tabname, host.separator, marks, signal);
    this.sets = new Sets(root, own, api, this.insertion, report);
    const cards = {
      host,
      hasEditor: hasEditor(root),
      picture: (/** @type {Entry} */ entry, /** @type {number} */ width) => entry.preview && api.preview(entry, width),
      video: (/** @type {Entry} */ entry) => api.video(entry),
      decorate: (/** @type {HTMLLIElement} */ card, /** @type {Entry} */ entry) => this.#mark(card, entry),
    };
    this.grid = new Grid(cards, signal);
    this.search = new Search(api, query, display, host.limits.page, {
      capacity: () => this.grid.capacity,
      holdsPlace: (results) => this.grid.holdsPlace(results),
      show: (results, options) => this.#show(results, options),
      render: () => this.#render(),
      warn: (problem) => this.#warn(problem),
      wait: (isWaiting) => {
        setAttribute(this.grid.viewport, "aria-busy", isWaiting && "true");
        if (isWaiting) this.toolbar.showTotal(phrase("Waiting for the server …"));
      },
      changed: () => this.details.refresh(),
      connection: (problem) => this.toolbar.warn("connection", problem),
    });
    const { details, grid, newPicture, search, tree, undo } = this;
    const reveal = this.reveal.bind(this);
    this.files = new Files({ home: root, api, host, details, grid, newPicture, search, tree, undo, reveal });
    if (host.may_change_files) this.picks.offerFiles(this.files);
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

  /**
   * Bring the card of a file into sight, whatever is shown now.
   *
   * @param {string} id
   * @param {string} name
   */
  reveal(id, name) {
    openTabs(this.root);
    if (!this.grid.reveal(id)) this.accept({ ...EVERYTHING, text: `"${name.replaceAll('"', " ")}"` });
  }

  #build() {
    this.toolbar.options.insertBefore(this.sets.root, this.toolbar.viewToggle);
    const shelf = element("div", { class: "shelf" }, this.toolbar.columns, this.grid.viewport, this.empty);
    this.root.replaceChildren(this.toolbar.root, element("div", { class: "split" }, this.tree.root, shelf), this.picks.root);
    reachInToolbar(this.toolbar.root, this.toolbar.search);
    this.#showDisplay();
  }

  /**
   * @param {import("../cards/result_pages.mjs").ResultPages} results
   * @param {{keepsPlace: boolean}} options
   */
  #show(results, options) {
    const summary = /** @type {LibrarySummary} */ (results.summary);
    this.toolbar.showFilters(summary, this.search.query);
    this.tree.update(this.search, this.display.showsFolders);
    showEmpty(this.empty, this.search.query, summary);
    this.grid.show(results, options);
    for (const { card, entry } of this.grid.shown()) showMatches(card, entry.name, this.search.query.text);
    this.#addNames();
    this.sets.update(summary.generation);
    this.toolbar.showTotal(totalText(this.search.query, summary));
    this.address.keep({ ...this.search.query, ...this.display });
  }

  /** @param {Error | undefined} problem Of the last request. */
  #warn(problem) {
    const sentence = problem && phrase("Not loaded: {problem}. Trying again …", { problem: problem.message });
    this.toolbar.warn("request", this.search.results && sentence);
    if (!problem || this.search.results) return;
    this.toolbar.showTotal("");
    showNoAnswer(this.empty, problem);
  }

  #render() {
    this.grid.render();
    this.#addNames();
  }

  /** Add names to the known ones, those in sight first, and mark those that are in a prompt. */
  #addNames() {
    this.insertion.addNames(Array.from(this.grid.shown(), ({ entry }) => entry));
    this.insertion.updateUsed();
    const { generation } = this.search.results?.summary ?? {};
    if (generation !== undefined) this.insertion.loadAllNames(this.api, generation);
  }

  #showDisplay() {
    this.toolbar.showDisplay(this.display);
    this.root.toggleAttribute("data-veils", this.display.veils);
    this.grid.resize(this.display);
    this.tree.root.hidden = !this.display.showsFolders || !this.tree.isUseful;
    this.toolbar.foldersToggle.hidden = !this.tree.isUseful;
  }

  /**
   * @param {HTMLLIElement} card
   * @param {Entry} entry
   */
  #mark(card, entry) {
    showPlaces(card, this.insertion.placesOf(entry), this.insertion.targetOf(entry));
    this.picks.mark(card, entry);
    showMatches(card, entry.name, this.search.query.text);
  }

  #markAll() {
    for (const { card, entry } of this.grid.shown()) this.#mark(card, entry);
    this.details.showPlaces();
    this.sets.showUsed();
    this.toolbar.pickToggle.setAttribute("aria-pressed", String(this.picks.isOn));
  }

  #showTarget() {
    const { choice, target, fields } = this.insertion;
    this.toolbar.showTarget(choice);
    fields.mark(this.#isShown ? target : null);
    this.#markAll();
  }

  /** @param {AbortSignal} signal */
  #addListeners(signal) {
    const { root, grid, tree, insertion, toolbar, picks } = this;
    const actions = actionsOf(this);
    const keyboard = {
      ...{ grid, picks, tree, actions },
      toolbar: toolbar.root,
      search: toolbar.search,
      clearSearch: () => this.accept({ text: "" }),
      leave: () => insertion.fields.focus(),
    };
    // While a prompt field keeps the caret, and in Safari, a click gives a card no focus.
    root.addEventListener("click", ({ target }) => grid.activate(/** @type {Element} */ (target).closest(".card")), { signal });
    obey(root, actions, signal);
    root.addEventListener("keydown", (event) => answerKey(keyboard, event), { signal });
    root.addEventListener("mousedown", keepCaret, { signal });
    root.addEventListener("focusin", ({ target }) => this.#keepTabStop(/** @type {Element} */ (target)), { signal });
    toolbar.options.addEventListener("toggle", () => toolbar.options.querySelector("button")?.focus(), { signal });
    root.addEventListener("pointerenter", () => insertion.updateUsed(), { signal });
    watchPictures(root, grid.list, signal);
    this.newPicture.takeFrom(root, (part) => this.#entryOf(part), signal);
    this.files.drops.watch(root, signal);
  }

  /**
   * Keep the one place where Tab comes back to in each group.
   *
   * @param {Element} focused
   */
  #keepTabStop(focused) {
    if (this.toolbar.root.contains(focused)) reachInToolbar(this.toolbar.root, focused);
    else this.grid.activate(focused.closest(".card"));
  }

  /**
   * Do something with the entry that a part of the tab shows.
   *
   * @param {HTMLElement} part Of a card, or of the details.
   * @param {(entry: Entry) => unknown} act
   */
  withEntry(part, act) {
    const entry = this.#entryOf(part);
    if (entry) act(entry);
  }

  /**
   * Show an entry that was changed in this page, also where its details are open.
   *
   * @param {Entry} entry
   * @param {string} id The one it had.
   */
  #changed(entry, id) {
    this.search.replace(entry, id);
    this.details.refresh();
  }

  /** @param {Element} part */
  #entryOf(part) {
    return this.details.entry ?? this.grid.entryOf(part);
  }

  /** @param {any} sort The present one reverses the order. */
  sort(sort) {
    const reversed = this.display.order === "asc" ? "desc" : "asc";
    this.choose({ sort, order: sort === this.display.sort ? reversed : SORTS.get(sort)?.order });
  }

  /** @param {Partial<Display>} change */
  choose(change) {
    this.display = { ...this.display, ...change };
    remember(this.display);
    this.address.keep({ ...this.search.query, ...this.display });
    this.#showDisplay();
    this.tree.update(this.search, this.display.showsFolders);
    if ("sort" in change || "order" in change) this.search.sort(this.display);
  }

  /** @param {Partial<Query>} query */
  accept(query) {
    this.toolbar.search.value = query.text ?? this.toolbar.search.value;
    this.search.select(query);
  }

  /** @param {boolean} isShown */
  #setShown(isShown) {
    if (this.#isShown === isShown) return;
    this.#isShown = isShown;
    this.#showTarget();
    this.search.setListening(isShown);
    if (isShown) this.insertion.updateUsed();
  }
}
