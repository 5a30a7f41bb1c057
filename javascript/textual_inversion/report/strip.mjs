/**
 * Show under a prompt field what its prompt uses: one calm line, which opens if it is too short.
 */

import { appendTo, element, iconButton, setChildren } from "../dom.mjs";
import { number, phrase } from "../phrases.mjs";
import { keepCaret } from "../prompt/fields.mjs";
import { announcementOf } from "./notices.mjs";

/** @typedef {import("./notices.mjs").Button} Button */
/** @typedef {import("./notices.mjs").Notice} Notice */

// Screen readers get the announcement once the person has stopped typing.
const SILENCE_MS = 1200;

export class ReportStrip {
  /** The shown notices, as JSON. */
  #shown = "[]";
  /** @type {Map<string, HTMLElement>} Their items, by what makes them another one. */
  #items = new Map();
  /** @type {number | undefined} */
  #silence;

  /**
   * @param {(button: Button) => void} pressed
   * @param {(id: string, name: string) => void} shown Called when somebody wants to see the card of a file.
   */
  constructor(pressed, shown) {
    this.pressed = pressed;
    this.shown = shown;
    this.list = element("ul", { class: "notices" });
    this.more = element("button", { type: "button", class: "more", hidden: true });
    this.line = element(
      "div",
      { class: "line", role: "group", "aria-label": phrase("Embeddings in this prompt"), hidden: true },
      this.list,
      this.more,
    );
    this.announcement = element("p", { class: "announcement", role: "status" });
    this.root = element("div", { class: "lib-embeddings-report" }, this.line, this.announcement);
    this.more.addEventListener("click", () => this.#open(!this.line.classList.contains("open")));
    this.root.addEventListener("mousedown", keepCaret);
    // Notices that are cut off can be reached with Tab, and must then be visible.
    this.list.addEventListener("focusin", ({ target }) => {
      if (/** @type {Element} */ (target).matches(":focus-visible")) this.#open(true);
    });
    new ResizeObserver(() => this.#measure()).observe(this.list);
    this.#open(false);
  }

  /**
   * Move to the end of an element, wherever the host has put it.
   *
   * @param {Element | null} block
   */
  place(block) {
    if (block) appendTo(this.root, block);
  }

  /** @param {Notice[]} notices */
  show(notices) {
    const asJson = JSON.stringify(notices);
    if (asJson === this.#shown) return;
    this.#shown = asJson;
    this.line.hidden = !notices.length;
    const focused = /** @type {HTMLElement | null} */ (this.list.querySelector(":focus"))?.dataset.key;
    const former = this.#items;
    this.#items = new Map(notices.map((notice) => this.#renewed(notice, former)));
    setChildren(this.list, Array.from(this.#items.values()));
    const same = focused && this.list.querySelector(`[data-key="${CSS.escape(focused)}"]`);
    if (same instanceof HTMLElement) same.focus();
    this.#measure();
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#announce(announcementOf(notices)), SILENCE_MS);
  }

  /** @param {string} text */
  #announce(text) {
    if (this.announcement.textContent !== text) this.announcement.textContent = text;
  }

  /**
   * Return the item of a notice: where only the text behind a used name is new, the former one, as one of its buttons
   * may be pressed just now.
   *
   * @param {Notice} notice
   * @param {ReadonlyMap<string, HTMLElement>} former
   * @returns {[string, HTMLElement]}
   */
  #renewed(notice, former) {
    const { kind, name, id, buttons, text } = notice;
    const key = JSON.stringify(kind === "used" ? { name, id, buttons } : notice);
    const item = former.get(key) ?? this.#item(notice);
    /** @type {Text} */ (item.querySelector(".words:last-of-type")?.lastChild).data = text;
    return [key, item];
  }

  /** @param {Notice} notice */
  #item({ kind, name, text, title, id, buttons = [] }) {
    const named = name ? [this.#name(name, id)] : [];
    const pressed = buttons.map((button) => this.#button(button));
    const words = (/** @type {(Element | string)[]} */ ...parts) => element("span", { class: "words" }, ...parts);
    // The words behind a used name change with each press, which must not move the buttons away from the pointer.
    const parts = kind === "used" ? [words(...named), ...pressed, words(text)] : [words(...named, text), ...pressed];
    return element("li", { class: `notice ${kind}`, title }, ...parts);
  }

  /**
   * @param {string} name
   * @param {string | null | undefined} id
   */
  #name(name, id) {
    const shown = element("b", { dir: "auto" }, name);
    if (!id) return shown;
    const title = phrase("Show the card of {name}", { name });
    const button = element("button", { type: "button", class: "shows", "data-key": title, title }, shown);
    button.addEventListener("click", () => this.shown(id, name));
    return button;
  }

  /** @param {Button} pressed */
  #button(pressed) {
    const { does, label, icon } = pressed;
    const attributes = { class: `icon tool ${icon}`, "data-key": `${does} ${label}` };
    const button = icon
      ? iconButton(icon, "", label, attributes)
      : element("button", { type: "button", class: "press", "data-key": `${does} ${label}` }, label);
    button.addEventListener("click", () => this.pressed(pressed));
    return button;
  }

  /** @param {boolean} isOpen */
  #open(isOpen) {
    this.line.classList.toggle("open", isOpen);
    this.more.setAttribute("aria-expanded", String(isOpen));
    this.#measure();
  }

  /** Offer to open the line if it hides anything, with a count. */
  #measure() {
    const isOpen = this.line.classList.contains("open");
    const end = this.list.getBoundingClientRect().bottom;
    const hidden = Array.from(this.list.children).filter((notice) => notice.getBoundingClientRect().top >= end).length;
    const isCut = Array.from(this.list.querySelectorAll(".words")).some(
      (words) => words.scrollWidth > words.clientWidth + 1,
    );
    const hasTools = Array.from(this.list.querySelectorAll(".tool")).some((tool) => !tool.getClientRects().length);
    this.more.hidden = !isOpen && !hidden && !isCut && !hasTools;
    this.more.textContent = isOpen ? phrase("Less") : hidden ? phrase("{count} more", { count: number(hidden) }) : phrase("More");
  }
}
