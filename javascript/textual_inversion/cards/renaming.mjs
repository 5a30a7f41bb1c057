/**
 * Give an embedding or a set another name: the form, and how it went.
 */

import { element, ending, textButton } from "../dom.mjs";
import { failed, phrase, sentenceCase } from "../phrases.mjs";

/** Gives what it is shown with another name. */
export class Renaming {
  /** Its field keeps what was typed while the details around it are shown anew. */
  #field = element("input", {
    type: "text",
    "data-key": "new-name",
    autocomplete: "off",
    spellcheck: "false",
    dir: "auto",
  });
  #outcome = element("p", { class: "outcome", role: "status" });
  /** @type {Element | null} What had the focus before. */
  #opener = null;

  /**
   * @param {(name: string) => Promise<string>} rename Returns a sentence, or fails with one.
   * @param {string} [label] Of its field.
   */
  constructor(rename, label = phrase("New name")) {
    this.rename = rename;
    this.#field.ariaLabel = label;
    const submit = element("button", { type: "submit", class: "plain" }, phrase("Rename"));
    const cancel = textButton("cancel-rename", phrase("Cancel"));
    this.form = element("form", { class: "renaming", hidden: true }, this.#field, ending(submit, cancel));
    this.root = element("div", {}, this.form, this.#outcome);
    this.form.addEventListener("submit", (event) => this.#submit(event));
    this.form.addEventListener("keydown", (event) => this.#onKey(event));
    cancel.addEventListener("click", () => this.close());
  }

  /**
   * Open the form, with a name to begin with.
   *
   * @param {string} name
   */
  open(name) {
    this.#showOutcome("");
    this.#opener = document.activeElement;
    this.form.hidden = false;
    this.#field.value = name;
    this.#field.select();
    this.#field.focus();
  }

  close() {
    const isFocused = this.form.contains(document.activeElement);
    if (isFocused && this.#opener instanceof HTMLElement) this.#opener.focus();
    this.form.hidden = true;
    this.#showOutcome("");
  }

  /** @param {string} sentence */
  #showOutcome(sentence) {
    this.#outcome.textContent = sentenceCase(sentence);
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    try {
      const outcome = await this.rename(this.#field.value);
      this.close();
      this.#showOutcome(outcome);
    } catch (error) {
      this.#showOutcome(failed(phrase("Not renamed"), error));
    }
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key !== "Escape" || event.isComposing) return;
    event.preventDefault(); // It would close the dialog.
    this.close();
  }
}
