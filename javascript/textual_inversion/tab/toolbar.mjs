/**
 * Build the controls above the cards: search, order, filters, and the field that names go to.
 */

import { element, iconButton, READ_MS, setAttribute, setText } from "../dom.mjs";
import { WORDS as SITES } from "../sources/site_words.mjs";
import { familyTitles } from "../words.mjs";
import { LEARN } from "../pictures/learn_words.mjs";
import { completionSwitch } from "../completion/completer.mjs";
import { failed, number, phrase } from "../phrases.mjs";
import { missingText } from "./empty.mjs";
import { countOf, FILTERS, SCALES, SORTS, titleOf } from "./query.mjs";

/** @typedef {import("../answers.mjs").Field} Field */
/** @typedef {import("../answers.mjs").Host} Host */
/** @typedef {import("../answers.mjs").LibrarySummary} LibrarySummary */
/** @typedef {import("./query.mjs").Display} Display */
/** @typedef {import("./query.mjs").FilterKey} FilterKey */
/** @typedef {import("./query.mjs").Query} Query */
/** @typedef {import("./query.mjs").Sort} Sort */

const FILTER_KEYS = /** @type {FilterKey[]} */ (Object.keys(FILTERS));

/** @type {ReadonlySet<FilterKey>} Those that are offered even when they show nothing. */
const ALWAYS = new Set(["usable", "favourite", "all"]);

const SEARCH_HINT =
  phrase('Words in names, folders, notes, hashes; sdxl for a model family, .bin for an ending, -word to leave a word out, "a phrase"');

export class Toolbar {
  /** @type {number | undefined} */
  #timer;
  #problems = { connection: "", request: "", folder: "" };

  /**
   * @param {string} tabname
   * @param {Host} host
   */
  constructor(tabname, host) {
    this.host = host;
    this.search = element("input", {
      type: "search",
      "data-action": "search",
      placeholder: phrase("Search embeddings"),
      title: SEARCH_HINT,
      "aria-label": phrase("Search embeddings"),
      autocomplete: "off",
      spellcheck: "false",
      enterkeyhint: "search",
    });
    this.sort = element("select", { "data-action": "sort", "aria-label": phrase("Sort by") }, ...sortOptions());
    this.family = element("select", { "data-action": "family", "aria-label": phrase("Made for"), hidden: true });
    this.order = iconButton("order", "order", "");
    this.foldersToggle = iconButton("folders-toggle", "folders", phrase("Show folders"));
    const scale = { type: "range", "data-action": "scale", "aria-label": phrase("Size of the cards"), ...SCALES };
    this.scale = element("input", scale);
    this.viewToggle = iconButton("view-toggle", "view", phrase("Show as a list"));
    this.pickToggle = iconButton("pick-toggle", "pick", phrase("Select several"), { "aria-pressed": "false" });
    this.columns = element("div", { class: "columns", hidden: true }, ...columnTitles());
    this.filters = element("div", { class: "filters", role: "group", "aria-label": phrase("Show") });
    this.targets = element("div", { class: "targets", role: "group", "aria-label": phrase("Insert into") }, ...targetButtons());
    this.total = element("p", { class: "total", role: "status" }, phrase("Loading …"));
    this.status = element("p", { class: "status", role: "status" });
    this.note = element("p", { class: "note", role: "status", hidden: true });
    this.options = element("div", { class: "options", id: `lib-embeddings-options-${tabname}`, popover: true });
    this.root = this.#build();
    this.showTarget(null);
  }

  /** @param {Display} display */
  showDisplay({ sort, order, showsFolders, isList, scale }) {
    this.sort.value = sort;
    this.scale.value = String(scale);
    const label = order === "asc" ? phrase("Ascending: reverse the order") : phrase("Descending: reverse the order");
    for (const name of ["aria-label", "title"]) this.order.setAttribute(name, label);
    this.order.dataset.order = order;
    this.foldersToggle.setAttribute("aria-pressed", String(showsFolders));
    this.viewToggle.setAttribute("aria-pressed", String(isList));
    this.scale.disabled = isList;
    this.columns.hidden = !isList;
    for (const title of this.columns.querySelectorAll("button"))
      setAttribute(title, "data-order", title.dataset.value === sort ? order : null);
  }

  /**
   * Offer the filters that show something, with their counts, and say which folders are missing.
   *
   * @param {LibrarySummary} summary
   * @param {Query} current
   */
  showFilters(summary, { filter, family }) {
    this.warn("folder", missingText(summary));
    this.#showFamilies(summary, family);
    for (const key of FILTER_KEYS) {
      const chip = this.#chip(key);
      chip.hidden = !countOf(key, summary.counts) && key !== filter && !ALWAYS.has(key);
      chip.setAttribute("aria-pressed", String(key === filter));
      const [title, amount] = [titleOf(key, summary), number(countOf(key, summary.found))];
      if (chip.textContent !== `${title} ${amount}`)
        chip.replaceChildren(title, " ", element("span", { class: "count" }, amount));
    }
  }

  /**
   * Offer the model families that can use something, where there is more than one.
   *
   * @param {LibrarySummary} summary
   * @param {string} current
   */
  #showFamilies({ families }, current) {
    const keys = this.host.families.map(({ key }) => key).filter((key) => families[key] || key === current);
    const shown = keys.join(" ");
    if (this.family.dataset.keys !== shown) {
      const titles = familyTitles(this.host, keys);
      const options = keys.map((key, at) => element("option", { value: key }, phrase("For {title}", { title: titles[at] })));
      this.family.replaceChildren(element("option", { value: "" }, phrase("For any model")), ...options);
      this.family.dataset.keys = shown;
    }
    this.family.value = current;
    this.family.hidden = keys.length < 2 && !current;
  }

  /**
   * Show which field a click puts names into.
   *
   * @param {Field | null} target Null while each name goes to its own field.
   */
  showTarget(target) {
    for (const button of this.targets.querySelectorAll("button")) {
      setAttribute(button, "aria-pressed", String(button.dataset.value === (target ?? "auto")));
    }
  }

  /**
   * Show how much there is, and let screen readers read it.
   *
   * @param {string} text
   */
  showTotal(text) {
    setText(this.total, text);
  }

  /**
   * Show for a while how something went, and let screen readers read it.
   *
   * @param {string} message
   */
  showStatus(message) {
    clearTimeout(this.#timer);
    this.status.textContent = message;
    this.#timer = setTimeout(() => (this.status.textContent = ""), READ_MS);
  }

  /**
   * Do something, and show how it went.
   *
   * @param {string} failure The beginning of the message where it fails.
   * @param {() => Promise<string>} work
   */
  async attempt(failure, work) {
    try {
      this.showStatus(await work());
    } catch (error) {
      this.showStatus(failed(failure, error));
    }
  }

  /**
   * Show a problem until it is solved.
   *
   * @param {"connection" | "request" | "folder"} source
   * @param {string | undefined} problem Empty when there is none.
   */
  warn(source, problem = "") {
    this.#problems[source] = problem;
    const text = this.#problems.connection || this.#problems.request || this.#problems.folder;
    this.note.hidden = !text;
    setText(this.note, text);
  }

  #build() {
    this.options.append(
      this.family,
      element("div", { class: "ordering" }, this.sort, this.order),
      iconButton("refresh", "rescan", phrase("Scan the folders again")),
      this.filters,
      element("div", { class: "insert-into" }, element("span", { class: "label" }, phrase("Insert into")), this.targets),
      completionSwitch(),
      this.viewToggle,
      this.pickToggle,
      element("label", { class: "choice scale" }, phrase("Size"), this.scale),
      ...(this.host.searchable.length ? [iconButton("get-more-open", "get-more", SITES.open)] : []),
      ...(this.host.may_learn ? [iconButton("learn-open", "learn", LEARN.open)] : []),
      ...(this.host.may_change_files ? filesButtons() : []),
      iconButton("keys-help", "keys", phrase("Show the keys (?)")),
    );
    // Where there is room, they are not in a sheet of their own.
    const opener = iconButton("options-toggle", "", phrase("Filters, order and more"), { popovertarget: this.options.id });
    return element(
      "div",
      { class: "toolbar", role: "toolbar", "aria-label": phrase("Embeddings") },
      this.foldersToggle,
      this.search,
      opener,
      this.options,
      element("div", { class: "state" }, this.note, this.status, this.total),
    );
  }

  /**
   * @param {FilterKey} key
   * @returns {HTMLButtonElement}
   */
  #chip(key) {
    const old = /** @type {HTMLButtonElement | null} */ (this.filters.querySelector(`[data-value=${key}]`));
    if (old) return old;
    const attributes = { type: "button", class: "chip", "data-action": "filter", "data-value": key, tabindex: -1 };
    const chip = element("button", attributes);
    this.filters.append(chip);
    return chip;
  }
}

function filesButtons() {
  return [iconButton("add-files-open", "add-files", phrase("Add files from this computer")), iconButton("trash-open", "trash", phrase("Show the trash"))];
}

function sortOptions() {
  return Array.from(SORTS, ([value, { title }]) => element("option", { value }, title));
}

/** Build the titles of a list's columns. Each sorts it, but model families and trigger words have no order. */
function columnTitles() {
  const [family, triggers] = [phrase("Model"), phrase("Trigger words")].map((title) => element("span", {}, title));
  const [name, ...others] = ["name", "vectors", "size", "date", "folder"].map((sort) => {
    const { title } = /** @type {{title: string}} */ (SORTS.get(/** @type {Sort} */ (sort)));
    const attributes = { type: "button", "data-action": "column", "data-value": sort, tabindex: -1 };
    return element("button", attributes, title);
  });
  return [name, family, ...others, triggers];
}

function targetButtons() {
  return [
    targetButton("auto", phrase("Auto"), phrase("Each name goes to its own field, which you can choose in its details")),
    targetButton("positive", phrase("Prompt"), phrase("All names go to the prompt")),
    targetButton("negative", phrase("Negative"), phrase("All names go to the negative prompt")),
  ];
}

/**
 * @param {string} value
 * @param {string} label
 * @param {string} title
 */
function targetButton(value, label, title) {
  return element("button", { type: "button", "data-action": "target", "data-value": value, title }, label);
}
