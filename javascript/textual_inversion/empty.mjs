/**
 * Show why there are no cards, and offer what there is instead.
 */

import { element, textButton } from "./elements.mjs";
import { explainEmpty } from "./filters.mjs";

/**
 * @param {HTMLElement} place
 * @param {import("./filters.mjs").View} view
 * @param {import("./api.mjs").Summary} summary
 */
export function showEmpty(place, view, summary) {
  place.hidden = summary.total > 0;
  if (place.hidden) return;
  const { title, hint, offers } = explainEmpty(view, summary);
  const buttons = offers.map(({ label, view: offered }) =>
    textButton("offer", label, { "data-view": JSON.stringify(offered) }),
  );
  place.replaceChildren(
    element("p", { class: "empty-title" }, title),
    element("p", { class: "empty-hint" }, hint),
    element("div", { class: "offers" }, ...buttons),
  );
}
