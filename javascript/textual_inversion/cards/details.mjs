/**
 * Show all that is known about one file, with the choices that people can make for it.
 */

import { element, iconButton, textButton } from "../page.mjs";
import { renamedText, sentenceCase } from "../words.mjs";
import { pictureOf } from "./card.mjs";
import { choices, heading, sections } from "./facts.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../api.mjs").Details} Details */
/** @typedef {import("../api.mjs").EntryChoices} EntryChoices */
/** @typedef {import("../api.mjs").Host} Host */
/** @typedef {import("../api.mjs").Entry} Entry */
/** @typedef {import("../prompt/insertion.mjs").Places} Places */

/**
 * @typedef {object} Owner
 * @property {(entry: Entry, id: string) => void} changed Called when someone changed the entry here, with the id it had.
 * @property {(entry: Entry) => Places} placesOf
 */

const PICTURE_WIDTH = 512;
const COPIED_MS = 1500;

export class DetailsPanel {
  /** @type {Entry | undefined} */
  #entry;
  /** During a rename the server may know the entry by its old or by its new id. */
  #isRenaming = false;
  /** What is shown, as JSON. */
  #shown = "";

  /**
   * @param {Api} api
   * @param {Host} host
   * @param {Owner} owner
   */
  constructor(api, host, owner) {
    this.api = api;
    this.host = host;
    this.owner = owner;
    this.renaming = new Renaming((name) => this.#rename(name));
    this.body = element("div", { class: "body" });
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    const close = iconButton("close", "close", "Close");
    this.root = element("dialog", { class: "details", "aria-label": "Details" }, close, this.body, this.problem);
    this.root.addEventListener("close", () => (this.#entry = undefined));
    // A click on the backdrop has the dialog itself as its target.
    this.root.addEventListener("click", ({ target }) => target === this.root && this.close());
  }

  /**
   * Show an entry: at once what the list knows, then all of it.
   *
   * @param {Entry} entry
   */
  async open(entry) {
    this.#entry = entry;
    this.#shown = "";
    this.#showProblem("");
    this.renaming.close();
    this.#render({ ...entry, sha256: null, metadata: {}, tensors: {}, values: {}, bundled: {} });
    if (!this.root.open) this.root.showModal();
    this.root.scrollTop = 0;
    await this.refresh();
  }

  close() {
    this.root.close();
  }

  /** Ask again for what is shown, if anything is. */
  async refresh() {
    const id = this.#entry?.id;
    if (id === undefined || this.#isRenaming) return;
    try {
      const details = await this.api.entry(id);
      if (id === this.#entry?.id) this.#render(details);
    } catch (error) {
      if (id === this.#entry?.id) this.#showProblem(/** @type {Error} */ (error).message);
    }
  }

  /**
   * Keep what somebody chose for the entry that is shown.
   *
   * @param {HTMLInputElement} input
   */
  async choose(input) {
    const id = this.#entry?.id;
    if (id === undefined) return;
    try {
      this.#showProblem("");
      this.owner.changed(await this.api.choose(id, choiceOf(input)), id);
    } catch (error) {
      this.#showProblem(`Not saved: ${/** @type {Error} */ (error).message}`);
      this.#shown = "";
    }
    await this.refresh();
  }

  /** @param {string} name */
  async #rename(name) {
    const before = this.#entry;
    if (before === undefined) return "";
    const places = this.owner.placesOf(before);
    this.#isRenaming = true;
    const entry = await this.api.rename(before.id, name).finally(() => (this.#isRenaming = false));
    this.owner.changed(entry, before.id);
    if (before.id === this.#entry?.id) this.#entry = entry;
    this.#showProblem("");
    await this.refresh();
    return renamedText(before.name, places);
  }

  /**
   * Copy the text beside a button.
   *
   * @param {HTMLElement} button
   */
  async copy(button) {
    const isCopied = await copyText(button.dataset.text ?? "", this.root);
    button.classList.toggle("done", isCopied);
    if (!isCopied)
      this.#showProblem("Your browser does not allow this page to copy. Select the text and copy it yourself.");
    setTimeout(() => button.classList.remove("done"), COPIED_MS);
  }

  /** @param {string} problem */
  #showProblem(problem) {
    this.problem.hidden = !problem;
    this.problem.textContent = sentenceCase(problem);
  }

  /** @param {Details} details */
  #render(details) {
    const asJson = JSON.stringify(details);
    if (asJson === this.#shown) return;
    this.#shown = asJson;
    this.#entry = details;
    const focused = /** @type {HTMLElement | null} */ (this.body.querySelector(":focus"))?.dataset.key;
    const head = heading(details, this.renaming.root);
    const picture = pictureOf(details.name, details.preview && this.api.preview(details, PICTURE_WIDTH));
    this.body.replaceChildren(picture, head, choices(details), ...sections(details, this.host));
    if (focused) /** @type {HTMLElement | null} */ (this.body.querySelector(`[data-key="${focused}"]`))?.focus();
  }
}

/**
 * @param {HTMLInputElement} input
 * @returns {EntryChoices}
 */
function choiceOf({ type, value, checked, dataset }) {
  if (type === "radio") return { field: /** @type {EntryChoices["field"]} */ (value) };
  return { [dataset.key ?? ""]: checked };
}

/** Gives the embedding that is shown another name. */
class Renaming {
  /** Its field keeps what was typed while the details around it are shown anew. */
  #field = element("input", {
    type: "text",
    "aria-label": "New name",
    "data-key": "new-name",
    autocomplete: "off",
    spellcheck: "false",
    dir: "auto",
  });
  #outcome = element("p", { class: "outcome", role: "status" });

  /** @param {(name: string) => Promise<string>} rename Returns a sentence, or fails with one. */
  constructor(rename) {
    this.rename = rename;
    const submit = element("button", { type: "submit", class: "plain" }, "Rename");
    const cancel = textButton("cancel-rename", "Cancel");
    this.form = element("form", { class: "renaming", hidden: true }, this.#field, submit, cancel);
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
    this.form.hidden = false;
    this.#field.value = name;
    this.#field.select();
    this.#field.focus();
  }

  close() {
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
      this.#showOutcome(`Not renamed: ${/** @type {Error} */ (error).message}`);
    }
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key !== "Escape" || event.isComposing) return;
    event.preventDefault(); // It would close the dialog.
    this.close();
  }
}

/**
 * Copy text, also where the page was not served over https.
 *
 * @param {string} text
 * @param {HTMLElement} near Where an element can be focused now: an open dialog allows none outside of it.
 * @returns {Promise<boolean>} Whether the browser did it.
 */
async function copyText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard without https, or no permission: the old command needs neither.
    return copySelection(text, near);
  }
}

/**
 * @param {string} text
 * @param {HTMLElement} near
 */
function copySelection(text, near) {
  const before = document.activeElement;
  const source = element("textarea", { readonly: true, class: "copy-source", "aria-hidden": "true" });
  source.value = text;
  near.append(source);
  source.select();
  const isCopied = document.execCommand("copy");
  source.remove();
  if (before instanceof HTMLElement) before.focus();
  return isCopied;
}
