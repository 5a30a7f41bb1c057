/**
 * Show names to choose from at the caret of a prompt field.
 */

import { appendTo, badgeOf, element, setAttribute } from "../dom.mjs";
import { COUNTED, phrase } from "../phrases.mjs";
import { obstacle } from "../words.mjs";

/** @typedef {import("../answers.mjs").Completion} Completion */
/** @typedef {import("../answers.mjs").Host} Host */
/** @typedef {{left: number, top: number, height: number}} Place In pixels, from the field's upper left corner. */

const ID = "lib-embeddings-completions";
const GAP = 4;
const PICTURE_WIDTH = 64;

/** The properties that decide how a field's text is laid out. */
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
  /** @type {HTMLTextAreaElement | undefined} The field for which it is open. */
  #textarea;
  /** @type {Place} */
  #place = { left: 0, top: 0, height: 0 };

  /**
   * @param {import("../api.mjs").Api} api
   * @param {Host} host
   * @param {(completion: Completion) => void} accepted
   */
  constructor(api, host, accepted) {
    this.api = api;
    this.host = host;
    this.root = element("ul", { class: ID, id: ID, role: "listbox", "aria-label": phrase("Embeddings"), popover: "manual" });
    // The field keeps the caret.
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
    return this.#textarea !== undefined;
  }

  /**
   * Show names, with none chosen, under the character of a field where they would begin.
   *
   * @param {Completion[]} completions At least one.
   * @param {HTMLTextAreaElement} textarea
   * @param {Element} block An element around the field that is not its label.
   * @param {number} offset
   */
  show(completions, textarea, block, offset) {
    if (this.#textarea !== textarea) this.hide();
    this.#completions = completions;
    this.#textarea = textarea;
    this.#place = placeOf(textarea, offset);
    this.root.replaceChildren(...completions.map((completion, at) => option(this.host, completion, at)));
    if (completions.some(({ preview }) => preview)) this.#addPictures();
    appendTo(this.root, block);
    if (!this.root.matches(":popover-open")) this.root.showPopover();
    this.root.scrollTop = 0;
    this.place();
    this.choose(-1);
  }

  /** Begin each row with the picture of its file, or with the room for one. */
  #addPictures() {
    for (const [at, completion] of this.#completions.entries()) {
      const picture = element("span", { class: "small-picture" });
      this.root.children[at].prepend(picture);
      if (!completion.preview) continue;
      const image = element("img", { src: this.api.preview(completion, PICTURE_WIDTH), alt: "", decoding: "async" });
      image.addEventListener("error", () => image.remove());
      picture.append(image);
    }
  }

  hide() {
    if (!this.#textarea) return;
    for (const name of Object.keys(attributesOf(-1))) this.#textarea.removeAttribute(name);
    this.#textarea = undefined;
    this.#completions = [];
    this.root.remove();
  }

  /**
   * Choose the next or the previous name; beyond the last and the first, none is chosen.
   *
   * @param {1 | -1} step
   */
  move(step) {
    const places = this.#completions.length + 1;
    this.choose(((this.#chosen + 1 + step + places) % places) - 1);
  }

  /** Stay at the character, even if the field has moved. */
  place() {
    if (!this.#textarea) return;
    const { offsetWidth: width, offsetHeight: height, style } = this.root;
    const field = this.#textarea.getBoundingClientRect();
    const caret = field.left + this.#place.left - this.#textarea.scrollLeft;
    const x = getComputedStyle(this.#textarea).direction === "rtl" ? caret - width : caret;
    const top = field.top + this.#place.top - this.#textarea.scrollTop;
    const bottom = top + this.#place.height;
    const isBelow = bottom + GAP + height <= innerHeight || top < height + GAP;
    style.left = `${Math.max(GAP, Math.min(x, document.documentElement.clientWidth - width - GAP))}px`;
    style.top = `${isBelow ? bottom + GAP : top - GAP - height}px`;
  }

  /** @param {number} at -1 for none. */
  choose(at) {
    this.#chosen = at;
    for (const [index, row] of Array.from(this.root.children).entries()) {
      row.setAttribute("aria-selected", String(index === at));
      if (index === at) row.scrollIntoView({ block: "nearest" });
    }
    if (!this.#textarea) return;
    for (const [name, value] of Object.entries(attributesOf(at))) setAttribute(this.#textarea, name, value);
  }
}

/**
 * Return the attributes of a field while the list is open.
 *
 * @param {number} chosen
 */
function attributesOf(chosen) {
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
 * @param {Host} host
 * @param {Completion} completion
 * @param {number} at
 */
function option(host, { name, n_vectors, families, fit, members }, at) {
  const why = obstacle({ state: "ok", fit });
  const amount = members ? phrase("set of {names}", { names: COUNTED.names(members.length) }) : COUNTED.vectors(n_vectors);
  return element(
    "li",
    { role: "option", id: idOf(at), "data-kind": why && fit },
    element("span", { class: "offered", dir: "auto" }, name),
    element("span", { class: "amount" }, why ? why.toLowerCase() : amount),
    ...badgeOf(host, families),
  );
}

/**
 * Return where a character is in a field that is not scrolled.
 *
 * Browsers only know the places of elements, so the text is laid out once more in an element.
 *
 * @param {HTMLTextAreaElement} textarea
 * @param {number} offset
 * @returns {Place}
 */
function placeOf(textarea, offset) {
  const marker = document.createElement("span");
  marker.textContent = textarea.value.slice(offset, offset + 1).trim() || ".";
  const mirror = mirrorOf(textarea);
  mirror.append(textarea.value.slice(0, offset), marker);
  document.body.append(mirror);
  const [{ left, top, height }, origin] = [marker.getBoundingClientRect(), mirror.getBoundingClientRect()];
  mirror.remove();
  return { left: left - origin.left + textarea.clientLeft, top: top - origin.top + textarea.clientTop, height };
}

/** @param {HTMLTextAreaElement} textarea */
function mirrorOf(textarea) {
  const mirror = document.createElement("div");
  const style = getComputedStyle(textarea);
  for (const name of COPIED) mirror.style.setProperty(name, style.getPropertyValue(name));
  Object.assign(mirror.style, {
    boxSizing: "border-box",
    width: `${textarea.clientWidth}px`,
    position: "fixed",
    inset: "0 auto auto 0",
    visibility: "hidden",
    overflowWrap: "break-word",
    whiteSpace: "pre-wrap",
  });
  return mirror;
}
