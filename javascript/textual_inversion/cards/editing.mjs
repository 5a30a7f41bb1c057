/**
 * Show what somebody wrote about an embedding, and let it be edited in place.
 */

import { element, ownWords, textButton } from "../dom.mjs";
import { formInPlace, watched } from "../forms.mjs";
import { failed, phrase, sentenceCase } from "../phrases.mjs";

/** @typedef {import("../answers.mjs").Entry} Entry */
/** @typedef {import("../answers.mjs").Texts} Texts */
/** @typedef {import("../own.mjs").TextEdits} TextEdits */
/** @typedef {(edits: TextEdits) => Promise<unknown>} Save Fails with a sentence. */

/** @type {Record<keyof Texts, string>} */
const TITLES = { trigger_words: phrase("Trigger words"), description: phrase("Description"), notes: phrase("Notes") };

/** The texts of the file that is shown. */
export class TextsEditor {
  /** @param {Save} save */
  constructor(save) {
    this.editors = Object.keys(TITLES).map((key) => new TextEditor(/** @type {keyof Texts} */ (key), save));
    this.root = element("dl", { class: "texts" }, ...this.editors.map(({ root }) => root));
  }

  /**
   * @param {Entry} entry
   * @param {Texts | undefined} texts As they are written; undefined until that is known.
   */
  show(entry, texts) {
    for (const editor of this.editors) editor.show(entry, texts);
  }
}

/** One text. Its field keeps what was typed while the details around it are shown anew. */
class TextEditor {
  /** What was written when somebody began to edit. */
  #before = "";
  /** What is written by now. */
  #written = "";

  /**
   * @param {keyof Texts} key
   * @param {Save} save
   */
  constructor(key, save) {
    this.key = key;
    this.save = save;
    const title = TITLES[key];
    this.text = element("span", { dir: "auto" });
    this.edit = textButton("", "", { "data-key": `edit-${key}` });
    this.value = element("div", { class: "value" }, this.text, this.edit);
    this.field = element("textarea", { "aria-label": title, "data-key": `text-${key}`, dir: "auto", rows: 3 });
    const submit = element("button", { type: "submit", class: "plain", "data-key": `save-${key}` }, phrase("Save"));
    this.outcome = element("p", { class: "outcome", role: "status" });
    this.form = formInPlace([this.field], submit, () => this.#closed());
    this.root = element(
      "div",
      { class: "fact" },
      element("dt", {}, title),
      element("dd", {}, this.value, this.form, this.outcome),
    );
    this.edit.addEventListener("click", () => this.#open());
    this.form.addEventListener("submit", (event) => this.#submit(event));
    this.form.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /**
   * @param {Entry} entry
   * @param {Texts | undefined} texts
   */
  show(entry, texts) {
    const shown = entry[this.key];
    this.#written = texts?.[this.key] ?? "";
    this.text.replaceChildren(...ownWords(shown));
    this.edit.hidden = !texts;
    this.edit.className = shown ? "icon edit" : "plain";
    this.edit.textContent = shown ? "" : phrase("Add …");
    const title = TITLES[this.key];
    const label = shown ? phrase("Edit: {title}", { title }) : phrase("Add: {title}", { title });
    for (const name of ["aria-label", "title"]) this.edit.setAttribute(name, label);
  }

  /** Show the text again, and return what edits it. */
  #closed() {
    this.value.hidden = false;
    this.outcome.textContent = "";
    return this.edit;
  }

  #open() {
    this.#before = this.#written;
    this.field.value = this.#written;
    this.outcome.textContent = "";
    this.value.hidden = true;
    this.form.hidden = false;
    this.field.focus();
  }

  /** @param {Event} event */
  async #submit(event) {
    event.preventDefault();
    const since = watched(this.form);
    const after = this.field.value;
    try {
      await this.save({ [this.key]: { before: this.#before, after } });
      if (since.isLeft) return;
      this.#before = after;
      if (!since.isEdited) this.form.reset();
    } catch (error) {
      this.outcome.textContent = sentenceCase(failed(phrase("Not saved"), error));
    }
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key === "Enter" && !event.isComposing && (event.ctrlKey || event.metaKey)) this.#submit(event);
  }
}
