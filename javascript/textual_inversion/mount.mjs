/**
 * Find the page's places for the tab, and its prompt fields, whenever the host adds them.
 *
 * The fields get reports and the completion of names, with or without a tab. If the library does not answer,
 * nothing happens and nothing more is asked; if it refuses this page, the page says why.
 */

import { Api } from "./api.mjs";
import { Completer } from "./completion/completer.mjs";
import { element } from "./dom.mjs";
import { listen } from "./live.mjs";
import { Own } from "./own.mjs";
import { phrase, sentenceCase } from "./phrases.mjs";
import { toggleAll } from "./prompt/insertion.mjs";
import { KnownNames } from "./prompt/known_names.mjs";
import { PromptReports } from "./report/reports.mjs";
import { Refusal } from "./request.mjs";
import { Tab } from "./tab/tab.mjs";

/** @typedef {import("./answers.mjs").Host} Host */

const NO_MODEL = "none";

/** Fill every place in the page, now and later. */
export async function start() {
  const api = new Api();
  const host = await api.host().catch((error) => error);
  if (host instanceof Refusal) onEveryChange(() => explain(host.message));
  else if (host instanceof Error) onEveryChange(() => explain(phrase("{problem}: reload this page in a moment", { problem: host.message })));
  if (host instanceof Error) return;
  const places = new Places(api, host);
  onEveryChange(() => places.match());
}

/**
 * Match the page now, and after every change.
 *
 * @param {() => void} match
 */
function onEveryChange(match) {
  new MutationObserver(match).observe(document.documentElement, { childList: true, subtree: true });
  match();
}

/**
 * Say in the places of tabs why there are none.
 *
 * @param {string} reason
 */
function explain(reason) {
  for (const place of document.getElementsByClassName("lib-embeddings")) {
    if (!place.textContent) place.textContent = sentenceCase(reason);
  }
}

/**
 * Fill a place with the menu of the active model, in the small app.
 *
 * @param {Element} place
 * @param {Api} api
 * @param {Host} host
 */
function fillModelMenu(place, api, { families }) {
  const options = families.map(({ title }) => element("option", { value: title }, title));
  const menu = element("select", {}, element("option", { value: NO_MODEL }, NO_MODEL), ...options);
  menu.selectedIndex = -1; // The active one is not known yet.
  const problem = element("span", { class: "problem", role: "alert" });
  place.replaceChildren(element("label", {}, phrase("Model"), menu), problem);
  const { signal } = new AbortController();
  const show = async () => {
    const { model_title } = await api.entries({ limit: 1 }, signal);
    menu.value = model_title ?? NO_MODEL;
  };
  // Without an answer, the tab says so, and the next event asks again.
  const update = () => show().catch(() => {});
  menu.addEventListener("change", async () => {
    problem.textContent = "";
    await api.chooseModel(menu.value).catch(({ message }) => (problem.textContent = phrase("Not chosen: {problem}", { problem: message })));
    update();
  });
  listen(`${api.base}/events`, { changed: update, connection: () => {} });
}

/** Our parts of the page, for as long as the page lives. */
class Places {
  /** @type {Map<Element, Tab>} */
  #tabs = new Map();
  /** @type {WeakSet<Element>} */
  #menus = new WeakSet();

  /**
   * @param {Api} api
   * @param {Host} host
   */
  constructor(api, host) {
    this.api = api;
    this.host = host;
    const find = host.searchable.length ? this.#find : undefined;
    this.reports = host.tabs.map((tabname) => new PromptReports(tabname, api, host.limits, this.#showCard, find));
    this.completer = new Completer(api, new Own(api.base, host.limits), host, {
      blockOf: (target) => this.#blockOf(target),
      insertSet: (target, members) => this.#insertSet(target, members),
    });
  }

  /** Fill the places that are in the page now, and drop those that are gone. */
  match() {
    for (const [place, tab] of this.#tabs) {
      if (place.isConnected) continue;
      tab.close();
      this.#tabs.delete(place);
    }
    for (const place of document.getElementsByClassName("lib-embeddings")) {
      if (!(place instanceof HTMLElement) || this.#tabs.has(place)) continue;
      place.dir = getComputedStyle(document.body).direction; // gradio says ltr in each of its blocks
      this.#tabs.set(place, new Tab(place, this.api, this.host));
    }
    for (const place of document.getElementsByClassName("lib-embeddings-model")) {
      for (const { fields } of this.reports) fields.name();
      if (this.#menus.has(place)) continue;
      this.#menus.add(place);
      fillModelMenu(place, this.api, this.host);
    }
    for (const report of this.reports) report.place();
    this.completer.place(this.reports.flatMap(({ fields }) => fields.textareas()));
  }

  /** @type {import("./report/reports.mjs").ShowCard} */
  #showCard = (tabname, id, name) => this.#tabOf(tabname)?.reveal(id, name);

  /** @type {import("./report/reports.mjs").Find} */
  #find = (tabname, name, hash) => {
    this.#tabOf(tabname)?.files.getMore?.find(name, hash);
  };

  /** @param {string} tabname */
  #tabOf(tabname) {
    return Array.from(this.#tabs.values()).find(({ root }) => root.dataset.tabname === tabname);
  }

  /**
   * @param {EventTarget} target One of the fields.
   * @param {import("./own.mjs").KnownMember[]} members
   */
  #insertSet(target, members) {
    const names = new KnownNames();
    names.add(members.map(({ name }) => name));
    const usable = members.filter(({ reason }) => !reason);
    for (const { fields } of this.reports) {
      if (fields.fieldOf(target)) toggleAll(fields, usable, names, this.host.separator, true);
    }
  }

  /**
   * Return the host's block around a prompt field, null for other elements.
   *
   * @param {EventTarget | null} target
   */
  #blockOf(target) {
    for (const { fields } of this.reports) {
      const field = fields.fieldOf(target);
      if (field) return fields.block(field);
    }
    return null;
  }
}
