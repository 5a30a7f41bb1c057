/**
 * Find the places where a page wants the tab, and its prompt fields, whenever the host puts them there.
 *
 * The fields get reports and the completion of names, with or without a tab.
 */

import { Api } from "./api.mjs";
import { Completer } from "./completion/completer.mjs";
import { PromptReports } from "./report/reports.mjs";
import { Tab } from "./tab/tab.mjs";

/** The tabs of a host that have prompt fields. */
const TABNAMES = ["txt2img", "img2img"];

/** @type {Map<Element, Tab>} */
const tabs = new Map();
/** @type {PromptReports[]} */
let reports = [];
/** @type {Completer | undefined} */
let completer;

/** Fill every place that is in the page now or comes later. Further calls do nothing. */
export function start() {
  if (completer) return;
  const [api, closing] = [new Api(), new AbortController().signal]; // As long as the page lives.
  reports = TABNAMES.map((tabname) => new PromptReports(tabname, api, closing));
  completer = new Completer(api, blockOf, closing);
  new MutationObserver(matchPage).observe(document.documentElement, { childList: true, subtree: true });
  matchPage();
}

function matchPage() {
  for (const [place, tab] of tabs) {
    if (place.isConnected) continue;
    tab.close();
    tabs.delete(place);
  }
  for (const place of document.getElementsByClassName("lib-embeddings")) {
    if (place instanceof HTMLElement && !tabs.has(place)) tabs.set(place, new Tab(place));
  }
  for (const report of reports) report.place();
  completer?.list.place();
}

/**
 * Return what the host has around a prompt field, null for other elements.
 *
 * @param {EventTarget | null} target
 */
function blockOf(target) {
  for (const { fields } of reports) {
    const field = fields.fieldOf(target);
    if (field) return fields.block(field);
  }
  return null;
}
