/**
 * Say how something went, over whatever is open, with a button that undoes it.
 */

import { element, READ_MS, textButton } from "../dom.mjs";
import { failed, phrase } from "../phrases.mjs";

export class UndoBar {
  /** @type {{sentence: string, undo: () => Promise<string>}[]} What can be undone, the last at the end. */
  #done = [];
  /** @type {number | undefined} */
  #timer;
  #isShown = false;

  /**
   * @param {HTMLElement} home What it says something about: the tab.
   * @param {AbortSignal} closing
   */
  constructor(home, closing) {
    this.home = home;
    this.sentence = element("span", { role: "status" });
    this.button = textButton("", phrase("Undo"));
    const close = element("button", { type: "button", class: "icon close", "aria-label": phrase("Hide this"), title: phrase("Hide this") });
    this.root = element("div", { class: "undo", popover: "manual" }, this.sentence, this.button, close);
    this.button.addEventListener("click", () => this.#press());
    close.addEventListener("click", () => this.clear());
    const goOnTop = () => this.#isShown && this.#goOnTop();
    home.addEventListener("close", goOnTop, { signal: closing, capture: true });
  }

  /**
   * Show a sentence. With an undo it stays until somebody closes it, and comes again when a later one is undone.
   *
   * @param {string} sentence
   * @param {() => Promise<string>} [undo] Returns a sentence, or fails with one.
   */
  show(sentence, undo) {
    if (undo) this.#done.push({ sentence, undo });
    this.#present(sentence, Boolean(undo));
  }

  /** Forget all that could be undone. */
  clear() {
    this.#done = [];
    this.#hide();
  }

  /**
   * @param {string} sentence
   * @param {boolean} hasUndo
   */
  #present(sentence, hasUndo) {
    clearTimeout(this.#timer);
    this.button.hidden = !hasUndo;
    this.sentence.textContent = sentence;
    this.#isShown = true;
    this.#goOnTop();
    if (!hasUndo) this.#timer = setTimeout(() => this.#hide(), READ_MS);
  }

  /** Be in the dialog that is open, where it can be pressed, or else in the page, and on top. */
  #goOnTop() {
    const place = this.home.querySelector("dialog[open]") ?? this.home;
    if (this.root.parentElement !== place) place.append(this.root);
    if (!this.root.matches(":popover-open")) this.root.showPopover();
  }

  async #press() {
    const last = this.#done.pop();
    if (!last) return;
    this.button.hidden = true;
    try {
      const outcome = await last.undo();
      const before = this.#done.at(-1);
      this.#present(before?.sentence ?? outcome, before !== undefined);
    } catch (error) {
      this.#present(failed(phrase("Not undone"), error), false);
    }
  }

  #hide() {
    this.#isShown = false;
    if (this.root.matches(":popover-open")) this.root.hidePopover();
  }
}
