/**
 * Say how something went, over whatever is open, with a button that undoes it.
 */

import { element, textButton } from "../page.mjs";
import { sentenceCase } from "../words.mjs";

/** How long a sentence is there on which nothing depends. */
const READ_MS = 6000;

export class UndoBar {
  /** @type {(() => Promise<string>) | undefined} */
  #undo;
  /** @type {number | undefined} */
  #timer;

  constructor() {
    this.sentence = element("span", { role: "status" });
    this.button = textButton("", "Undo");
    const close = element("button", { type: "button", class: "icon close", "aria-label": "Hide this", title: "Hide this" });
    this.root = element("div", { class: "undo", popover: "manual" }, this.sentence, this.button, close);
    this.button.addEventListener("click", () => this.#press());
    close.addEventListener("click", () => this.#hide());
  }

  /**
   * Show a sentence, with an undo until another one comes or somebody closes it.
   *
   * @param {string} sentence
   * @param {() => Promise<string>} [undo] Returns a sentence, or fails with one.
   */
  show(sentence, undo) {
    clearTimeout(this.#timer);
    this.#undo = undo;
    this.button.hidden = !undo;
    this.sentence.textContent = sentenceCase(sentence);
    // What is shown last is on top, also over a dialog; there it must be a part of it to be pressed.
    (document.querySelector(".lib-embeddings dialog[open]") ?? this.home)?.append(this.root);
    if (!this.root.matches(":popover-open")) this.root.showPopover();
    if (!undo) this.#timer = setTimeout(() => this.#hide(), READ_MS);
  }

  /**
   * Let it be in a part of the page while no dialog is open.
   *
   * @param {HTMLElement} home
   */
  place(home) {
    this.home = home;
    home.append(this.root);
  }

  async #press() {
    const undo = this.#undo;
    if (!undo) return;
    this.button.hidden = true;
    try {
      this.show(await undo());
    } catch (error) {
      this.show(`Not undone: ${/** @type {Error} */ (error).message}`);
    }
  }

  #hide() {
    if (this.root.matches(":popover-open")) this.root.hidePopover();
  }
}
