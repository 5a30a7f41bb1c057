/**
 * Show under a prompt field what its prompt uses: one calm line, which opens where it is too short.
 */

import { element } from "../page.mjs";
import { keepCaret } from "../prompt/fields.mjs";
import { announcementOf } from "./notices.mjs";

/** @typedef {import("./notices.mjs").Button} Button */
/** @typedef {import("./notices.mjs").Notice} Notice */

// Screen readers get the announcement once the person has stopped typing.
const SILENCE_MS = 1200;

export class ReportStrip {
  /** @type {Notice[]} */
  #notices = [];
  /** What is shown, as JSON. */
  #shown = "[]";
  /** @type {number | undefined} */
  #silence;

  /** @param {(button: Button) => void} pressed */
  constructor(pressed) {
    this.pressed = pressed;
    this.list = element("ul", { class: "notices" });
    this.more = element("button", { type: "button", class: "more", "data-does": "open", hidden: true });
    this.line = element(
      "div",
      { class: "line", role: "group", "aria-label": "Embeddings in this prompt", hidden: true },
      this.list,
      this.more,
    );
    this.announcement = element("p", { class: "announcement", role: "status" });
    this.root = element("div", { class: "lib-embeddings-report" }, this.line, this.announcement);
    this.root.addEventListener("click", ({ target }) => this.#press(/** @type {Element} */ (target)));
    this.root.addEventListener("mousedown", keepCaret);
    // What was cut off can be reached with Tab, and must be seen then.
    this.list.addEventListener("focusin", ({ target }) => {
      if (/** @type {Element} */ (target).matches(":focus-visible")) this.#open(true);
    });
    new ResizeObserver(() => this.#measure()).observe(this.list);
    this.#open(false);
  }

  /**
   * Be at the end of an element, wherever the host has put it by now.
   *
   * @param {Element | null} block
   */
  place(block) {
    if (block && this.root.parentElement !== block) block.append(this.root);
  }

  /** @param {Notice[]} notices */
  show(notices) {
    const asJson = JSON.stringify(notices);
    if (asJson === this.#shown) return;
    this.#shown = asJson;
    this.#notices = notices;
    this.line.hidden = !notices.length;
    this.list.replaceChildren(...notices.map(item));
    this.#measure();
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#announce(announcementOf(notices)), SILENCE_MS);
  }

  /** @param {string} text */
  #announce(text) {
    if (this.announcement.textContent !== text) this.announcement.textContent = text;
  }

  /** @param {Element} target */
  #press(target) {
    const does = target.closest("button")?.dataset.does;
    if (does === "open") this.#open(!this.line.classList.contains("open"));
    const { button } = this.#notices[Number(target.closest("li")?.dataset.at)] ?? {};
    if (button && button.does === does) this.pressed(button);
  }

  /** @param {boolean} isOpen */
  #open(isOpen) {
    this.line.classList.toggle("open", isOpen);
    this.more.setAttribute("aria-expanded", String(isOpen));
    this.#measure();
  }

  /** Offer to open the line where it hides something, with a count. */
  #measure() {
    const isOpen = this.line.classList.contains("open");
    const end = this.list.getBoundingClientRect().bottom;
    const hidden = Array.from(this.list.children).filter((notice) => notice.getBoundingClientRect().top >= end).length;
    const isCut = Array.from(this.list.querySelectorAll(".words")).some(
      (words) => words.scrollWidth > words.clientWidth + 1,
    );
    this.more.hidden = !isOpen && !hidden && !isCut;
    this.more.textContent = isOpen ? "Less" : hidden ? `${hidden} more` : "More";
  }
}

/**
 * @param {Notice} notice
 * @param {number} at
 */
function item({ kind, name, text, button }, at) {
  const words = element("span", { class: "words" }, ...(name ? [element("b", { dir: "auto" }, name)] : []), text);
  const press = button && element("button", { type: "button", class: "press", "data-does": button.does }, button.label);
  return element("li", { class: `notice ${kind}`, "data-at": at }, words, ...(press ? [press] : []));
}
