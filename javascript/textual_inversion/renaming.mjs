/**
 * Give the embedding that is shown another name.
 */

import { element, textButton } from "./elements.mjs";
import { sentenceCase } from "./words.mjs";

export class Renaming {
  /** Its field keeps what was typed while the details around it are shown anew. */
  #field = element("input", {
    type: "text",
    "aria-label": "New name",
    "data-key": "new-name",
    autocomplete: "off",
    spellcheck: "false",
    dir: "auto",
  });
  #said = element("p", { class: "said", role: "status" });

  /** @param {(name: string) => Promise<string>} rename Returns what to say, or fails with a sentence. */
  constructor(rename) {
    this.rename = rename;
    const submit = element("button", { type: "submit", class: "plain" }, "Rename");
    const cancel = textButton("cancel-rename", "Cancel");
    this.form = element("form", { class: "renaming", hidden: true }, this.#field, submit, cancel);
    this.root = element("div", { class: "renaming-room" }, this.form, this.#said);
    this.form.addEventListener("submit", (event) => this.#submit(event));
    this.form.addEventListener("keydown", (event) => this.#answerKey(event));
    cancel.addEventListener("click", () => this.close());
  }

  /**
   * Let somebody type a name, beginning with this one.
   *
   * @param {string} name
   */
  open(name) {
    this.#say("");
    this.form.hidden = false;
    this.#field.value = name;
    this.#field.select();
    this.#field.focus();
  }

  close() {
    this.form.hidden = true;
    this.#say("");
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.#said.textContent = sentenceCase(sentence);
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    try {
      const said = await this.rename(this.#field.value);
      this.close();
      this.#say(said);
    } catch (error) {
      this.#say(`Not renamed: ${/** @type {Error} */ (error).message}`);
    }
  }

  /** @param {KeyboardEvent} event */
  #answerKey(event) {
    if (event.key !== "Escape" || event.isComposing) return;
    event.preventDefault(); // It would close the dialog.
    this.close();
  }
}
