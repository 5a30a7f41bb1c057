/** The parts of the page that every room needs: elements, keys, visibility and dialogs. */

import { phrase } from "./phrases.mjs";
import { familyTitles } from "./words.mjs";

/** @typedef {string | number | boolean | null | undefined} Attribute */

/** How long a sentence is shown if nothing depends on it. */
export const READ_MS = 6000;

/**
 * Build an element. Data become text and attributes, never markup.
 *
 * Elements with `dir: "auto"` hold people's own words, such as names.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Attribute>} [attributes] As for `setAttribute`.
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...(attributes.dir === "auto" ? ownWords(...children) : children));
  return made;
}

/**
 * Keep people's own words as they are: a WebUI translates a text node that equals one of its phrases.
 *
 * @param {...(Node | string)} parts
 */
export function ownWords(...parts) {
  /** @returns {(Node | string)[]} */
  const apart = (/** @type {Node | string} */ part) => {
    if (typeof part !== "string") return [part];
    const [first = ""] = part;
    return [first, part.slice(first.length)];
  };
  return parts.flatMap(apart);
}

/**
 * Give an element these children, and leave alone those that are in their places already.
 *
 * @param {Element} parent
 * @param {Element[]} children
 */
export function setChildren(parent, children) {
  const [kept, former] = [new Set(children), Array.from(parent.children)];
  if (!former.some((child) => kept.has(child))) return parent.replaceChildren(...children);
  for (const child of former) if (!kept.has(child)) child.remove();
  children.forEach((child, position) => {
    const there = parent.children[position];
    if (there !== child) parent.insertBefore(child, there ?? null);
  });
}

/**
 * Set an element's text, unless it has it already: a browser lays out what is set.
 *
 * @param {Element} target
 * @param {string} text
 */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
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
 * Build a button with an icon; screen readers speak `label`, which is also its title.
 *
 * @param {string} icon A class of style.css.
 * @param {string} action The tab's action on a click.
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
 * @param {import("./answers.mjs").Host} host
 * @param {string[]} families Keys; the first is shown, all are its title.
 * @returns {HTMLElement[]} None where no family is known.
 */
export function badgeOf(host, families) {
  const titles = familyTitles(host, families);
  const attributes = { class: "badge", "data-family": families[0], title: titles.join(", ") };
  return families.length ? [element("span", attributes, titles[0])] : [];
}

/**
 * Put a part of ours into a part of the host, in the page's direction: gradio sets ltr in each of its blocks.
 *
 * @param {HTMLElement} part
 * @param {Element} place
 */
export function appendTo(part, place) {
  if (part.parentElement === place) return;
  part.dir = getComputedStyle(document.body).direction;
  place.append(part);
}

/** @type {Record<string, string>} */
const MIRRORED = { ArrowLeft: "ArrowRight", ArrowRight: "ArrowLeft" };

/**
 * Return a key by its name where lines go from left to right: there ArrowRight means onwards.
 *
 * @param {KeyboardEvent} event
 */
export function keyOf({ key, target }) {
  const isMirrored = /** @type {Element} */ (target).matches(":dir(rtl)");
  return (isMirrored && MIRRORED[key]) || key;
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

/**
 * Run the `data-action` of the elements in a part of the page: of buttons on a click, of inputs after a change,
 * of search fields and sliders during it.
 *
 * @param {HTMLElement} part
 * @param {Record<string, (target: HTMLElement, event: Event) => unknown>} actions
 * @param {AbortSignal} signal
 */
export function obey(part, actions, signal) {
  const act = (/** @type {Event} */ event) => {
    const target = /** @type {Element} */ (event.target).closest("[data-action]");
    if (!(target instanceof HTMLElement)) return;
    const isInput = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    const isLive = isInput && (target.type === "search" || target.type === "range");
    const wanted = isLive ? "input" : isInput ? "change" : "click";
    if (event.type === wanted) actions[target.dataset.action ?? ""]?.(target, event);
  };
  for (const type of ["click", "change", "input"]) part.addEventListener(type, act, { signal });
}

/**
 * Build a dialog with a title, for showing over the page.
 *
 * @param {string} title
 * @param {string} kind Its class.
 * @param {...Node} children
 */
export function dialog(title, kind, ...children) {
  const bar = element("div", { class: "bar" }, element("h2", {}, title), iconButton("close", "close", phrase("Close (Esc)")));
  return element("dialog", { class: `details ${kind}`, "aria-label": title }, bar, ...children);
}

/**
 * Show a dialog over the page, which stays unchanged behind it. It is in the page only while it is open.
 *
 * @param {HTMLDialogElement} dialog
 * @param {HTMLElement} home The tab that it belongs to.
 */
export function showOver(dialog, home) {
  if (dialog.open) return;
  home.append(dialog);
  // A listener for its closing may have opened it again.
  dialog.addEventListener("close", () => dialog.open || dialog.remove(), { once: true });
  const { clientWidth, style } = document.documentElement;
  style.setProperty("--lib-embeddings-scroll-bar", `${innerWidth - clientWidth}px`);
  dialog.showModal();
}

/**
 * Copy text, even if the page was not served over https.
 *
 * @param {string} text
 * @param {HTMLElement} near A place where an element can be focused now: an open dialog allows none outside.
 * @returns {Promise<boolean>} Whether it worked.
 */
export async function copyText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard without https, or no permission: the old command needs neither.
    return copySelection(text, near);
  }
}

/**
 * @param {string} text
 * @param {HTMLElement} near
 */
function copySelection(text, near) {
  const before = document.activeElement;
  const source = element("textarea", { readonly: true, class: "copy-source", "aria-hidden": "true" });
  source.value = text;
  near.append(source);
  source.select();
  const isCopied = document.execCommand("copy");
  source.remove();
  if (before instanceof HTMLElement) before.focus();
  return isCopied;
}

/**
 * Return the options of a menu of folders, indented by depth.
 *
 * @param {{id: string, title: string, depth: number}[]} folders
 */
export function folderOptions(folders) {
  return folders.map(({ id, title, depth }) => element("option", { value: id }, `${"\u2003".repeat(depth)}${title}`));
}
