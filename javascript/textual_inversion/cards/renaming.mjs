/**
 * Give an embedding or a set another name: the form, and how it went.
 */

import { element } from "../dom.mjs";
import { formInPlace, watched } from "../forms.mjs";
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
  /** @type {HTMLElement | undefined} What had the focus before. */
  #opener;

  /**
   * @param {(name: string) => Promise<string>} rename Returns a sentence, or fails with one.
   * @param {string} [label] Of its field.
   */
  constructor(rename, label = phrase("New name")) {
    this.rename = rename;
    this.#field.ariaLabel = label;
    const submit = element("button", { type: "submit", class: "plain" }, phrase("Rename"));
    this.form = formInPlace([this.#field], submit, () => {
      this.#showOutcome("");
      return this.#opener;
    });
    this.root = element("div", {}, this.form, this.#outcome);
    this.form.addEventListener("submit", (event) => this.#submit(event));
  }

  /**
   * Open the form, with a name to begin with.
   *
   * @param {string} name
   */
  open(name) {
    this.#showOutcome("");
    this.#opener = /** @type {HTMLElement} */ (document.activeElement);
    this.form.hidden = false;
    this.#field.value = name;
    this.#field.select();
    this.#field.focus();
  }

  /** @param {string} sentence */
  #showOutcome(sentence) {
    this.#outcome.textContent = sentenceCase(sentence);
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    const since = watched(this.form);
    try {
      const outcome = await this.rename(this.#field.value);
      if (since.isLeft) return;
      if (!since.isEdited) this.form.reset();
      this.#showOutcome(outcome);
    } catch (error) {
      this.#showOutcome(failed(phrase("Not renamed"), error));
    }
  }
}
