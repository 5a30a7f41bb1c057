/**
 * Find the places where a page wants the tab, and its prompt boxes, whenever the host puts them there.
 */

import { Prompts } from "./prompts.mjs";
import { Tab } from "./tab.mjs";

/** @type {Map<Element, Tab>} */
const tabs = new Map();
/** @type {MutationObserver | undefined} */
let watch;
/** @type {Prompts | undefined} */
let prompts;

/** Fill every place that is in the page now or comes later. Further calls do nothing. */
export function start() {
  if (watch) return;
  prompts = new Prompts();
  watch = new MutationObserver(matchPage);
  watch.observe(document.documentElement, { childList: true, subtree: true });
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
  prompts?.place();
}
