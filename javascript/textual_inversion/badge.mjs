/**
 * The badge with the model family that an embedding is made for.
 */

import { element } from "./elements.mjs";
import { FAMILIES } from "./words.mjs";

/**
 * @param {string[]} families Keys; the first is shown, all are its title.
 * @returns {HTMLElement[]} None where no family is known.
 */
export function badgeOf(families) {
  const titles = families.map((key) => FAMILIES[key] ?? key);
  const attributes = { class: "badge", "data-family": families[0], title: titles.join(", ") };
  return families.length ? [element("span", attributes, titles[0])] : [];
}
