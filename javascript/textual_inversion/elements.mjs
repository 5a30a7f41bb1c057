/**
 * Build elements. Data become text and attributes, never markup.
 */

import { familyTitles } from "./words.mjs";

/** @typedef {string | number | boolean | null | undefined} Attribute */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Attribute>} [attributes] As for `setAttribute`.
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...children);
  return made;
}

/**
 * Set an attribute; false, null and undefined remove it, true leaves it empty.
 *
 * @param {Element} target
 * @param {string} name
 * @param {Attribute} value
 */
export function setAttribute(target, name, value) {
  if (value === false || value === null || value === undefined) target.removeAttribute(name);
  else target.setAttribute(name, value === true ? "" : String(value));
}

/**
 * Build a button that shows an icon; `label` is what is spoken, and shown as its title.
 *
 * @param {string} icon A class of style.css.
 * @param {string} action What the tab does when it is clicked.
 * @param {string} label
 * @param {Record<string, Attribute>} [attributes]
 */
export function iconButton(icon, action, label, attributes = {}) {
  return element("button", {
    type: "button",
    class: `icon ${icon}`,
    "data-action": action,
    "aria-label": label,
    title: label,
    ...attributes,
  });
}

/**
 * Build a button with words on it.
 *
 * @param {string} action
 * @param {string} label
 * @param {Record<string, Attribute>} [attributes]
 */
export function textButton(action, label, attributes = {}) {
  return element("button", { type: "button", class: "plain", "data-action": action, ...attributes }, label);
}

/**
 * Build the badge with the model family that an embedding is made for.
 *
 * @param {import("./api.mjs").Host} host
 * @param {string[]} families Keys; the first is shown, all are its title.
 * @returns {HTMLElement[]} None where no family is known.
 */
export function badgeOf(host, families) {
  const titles = familyTitles(host, families);
  const attributes = { class: "badge", "data-family": families[0], title: titles.join(", ") };
  return families.length ? [element("span", attributes, titles[0])] : [];
}

/**
 * Watch whether a part of the page can be seen: a host hides all tabs but one.
 *
 * @param {Element} part
 * @param {(isVisible: boolean) => void} changed
 * @param {AbortSignal} closing
 */
export function watchVisibility(part, changed, closing) {
  const observer = new IntersectionObserver((records) => changed(records[records.length - 1].isIntersecting));
  observer.observe(part);
  closing.addEventListener("abort", () => observer.disconnect());
}
