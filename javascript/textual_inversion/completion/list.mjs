/**
 * Show names to choose from beside the caret of a prompt box.
 */

import { badgeOf, element, setAttribute } from "../elements.mjs";
import { counted, obstacle } from "../words.mjs";

/** @typedef {import("../api.mjs").Completion} Completion */
/** @typedef {{left: number, top: number, height: number}} Place In pixels, from the box's upper left corner. */

const ID = "lib-embeddings-completions";
const GAP = 4;

/** How the text of a box is laid out. */
const COPIED = [
  "direction",
  "font",
  "letter-spacing",
  "line-height",
  "padding",
  "tab-size",
  "text-align",
  "text-indent",
  "text-transform",
  "word-break",
  "word-spacing",
];

export class CompletionList {
  /** @type {Completion[]} */
  #completions = [];
  #chosen = -1;
  /** @type {HTMLTextAreaElement | undefined} The box that it is open for. */
  #box;
  /** @type {Place} */
  #place = { left: 0, top: 0, height: 0 };

  /** @param {(completion: Completion) => void} accepted */
  constructor(accepted) {
    this.root = element("ul", { class: ID, id: ID, role: "listbox", "aria-label": "Embeddings", popover: "manual" });
    // The box keeps the caret.
    this.root.addEventListener("mousedown", (event) => event.preventDefault());
    this.root.addEventListener("click", ({ target }) => {
      const option = /** @type {Element} */ (target).closest("li");
      if (option) accepted(this.#completions[Array.from(this.root.children).indexOf(option)]);
    });
  }

  /** @type {Completion | undefined} */
  get chosen() {
    return this.#completions[this.#chosen];
  }

  get isOpen() {
    return this.#box !== undefined;
  }

  /**
   * Show names, none of them chosen, under the character of a box where they would begin.
   *
   * @param {Completion[]} completions At least one.
   * @param {HTMLTextAreaElement} box
   * @param {Element} block An element around the box that is not its label.
   * @param {number} offset
   */
  show(completions, box, block, offset) {
    if (this.#box !== box) this.hide();
    this.#completions = completions;
    this.#box = box;
    this.#place = placeOf(box, offset);
    this.root.replaceChildren(...completions.map(option));
    if (this.root.parentElement !== block) block.append(this.root);
    if (!this.root.matches(":popover-open")) this.root.showPopover();
    this.root.scrollTop = 0;
    this.place();
    this.#choose(-1);
  }

  hide() {
    if (!this.#box) return;
    for (const name of Object.keys(describe(-1))) this.#box.removeAttribute(name);
    this.#box = undefined;
    this.#completions = [];
    this.root.remove();
  }

  /**
   * Choose the next name or the one before; beyond the last and the first, none is chosen.
   *
   * @param {1 | -1} step
   */
  move(step) {
    const places = this.#completions.length + 1;
    this.#choose(((this.#chosen + 1 + step + places) % places) - 1);
  }

  /** Stay at the character, wherever the box is by now. */
  place() {
    if (!this.#box) return;
    const { offsetWidth: width, offsetHeight: height, style } = this.root;
    const box = this.#box.getBoundingClientRect();
    const x = box.left + this.#place.left - this.#box.scrollLeft;
    const top = box.top + this.#place.top - this.#box.scrollTop;
    const bottom = top + this.#place.height;
    const isBelow = bottom + GAP + height <= innerHeight || top < height + GAP;
    style.left = `${Math.max(GAP, Math.min(x, document.documentElement.clientWidth - width - GAP))}px`;
    style.top = `${isBelow ? bottom + GAP : top - GAP - height}px`;
  }

  /** @param {number} at */
  #choose(at) {
    this.#chosen = at;
    for (const [index, row] of Array.from(this.root.children).entries()) {
      row.setAttribute("aria-selected", String(index === at));
      if (index === at) row.scrollIntoView({ block: "nearest" });
    }
    for (const [name, value] of Object.entries(describe(at))) if (this.#box) setAttribute(this.#box, name, value);
  }
}

/**
 * Return what a box says of itself while the list is open.
 *
 * @param {number} chosen
 */
function describe(chosen) {
  return {
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-haspopup": "listbox",
    "aria-expanded": "true",
    "aria-controls": ID,
    "aria-activedescendant": chosen < 0 ? null : idOf(chosen),
  };
}

/** @param {number} at */
function idOf(at) {
  return `${ID}-${at}`;
}

/**
 * @param {Completion} completion
 * @param {number} at
 */
function option({ name, n_vectors, families, fit }, at) {
  const why = obstacle({ state: "ok", fit });
  return element(
    "li",
    { role: "option", id: idOf(at), "data-kind": why && fit },
    element("span", { class: "offered", dir: "auto" }, name),
    element("span", { class: "amount" }, why ? why.toLowerCase() : counted(n_vectors, "vector")),
    ...badgeOf(families),
  );
}

/**
 * Return where a character is in a box that is not scrolled.
 *
 * Browsers tell the places of elements only, so the text is laid out once more in one.
 *
 * @param {HTMLTextAreaElement} box
 * @param {number} offset
 * @returns {Place}
 */
function placeOf(box, offset) {
  const marker = document.createElement("span");
  marker.textContent = box.value.slice(offset, offset + 1).trim() || ".";
  const twin = twinOf(box);
  twin.append(box.value.slice(0, offset), marker);
  document.body.append(twin);
  const [{ left, top, height }, origin] = [marker.getBoundingClientRect(), twin.getBoundingClientRect()];
  twin.remove();
  return { left: left - origin.left + box.clientLeft, top: top - origin.top + box.clientTop, height };
}

/** @param {HTMLTextAreaElement} box */
function twinOf(box) {
  const twin = document.createElement("div");
  const style = getComputedStyle(box);
  for (const name of COPIED) twin.style.setProperty(name, style.getPropertyValue(name));
  Object.assign(twin.style, {
    boxSizing: "border-box",
    width: `${box.clientWidth}px`,
    position: "fixed",
    inset: "0 auto auto 0",
    visibility: "hidden",
    overflowWrap: "break-word",
    whiteSpace: "pre-wrap",
  });
  return twin;
}
