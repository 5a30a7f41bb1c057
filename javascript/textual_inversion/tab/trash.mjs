/**
 * Show what was deleted, and bring it back, or delete it for good.
 */

import { dialog, element, showOver, textButton } from "../page.mjs";
import { counted, date, sentenceCase, size } from "../words.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../api.mjs").Trash} Contents */
/** @typedef {import("../api.mjs").Trashed} Trashed */

/**
 * @typedef {object} Owner
 * @property {(item: Trashed) => unknown} restored
 * @property {() => unknown} emptied
 */

export class Trash {
  /** @type {Contents} What is shown. */
  #contents = { total: 0, bytes: 0, items: [] };
  #summary = element("p", { class: "summary" });
  #list = element("ul", { class: "trashed", "aria-label": "In the trash" });
  #outcome = element("p", { class: "outcome", role: "status" });
  #emptier = textButton("empty-trash", "Empty the trash …");
  #sentence = element("p");
  #question = element(
    "div",
    { class: "question", role: "group", "aria-label": "Empty the trash", hidden: true },
    this.#sentence,
    textButton("keep-trash", "Keep"),
    textButton("empty-trash-for-good", "Delete for good"),
  );

  /**
   * @param {Api} api
   * @param {Owner} owner
   */
  constructor(api, owner) {
    this.api = api;
    this.owner = owner;
    const foot = element("div", { class: "foot" }, this.#question, this.#emptier);
    this.root = dialog("Trash", "trash", this.#summary, this.#outcome, this.#list, foot);
  }

  async open() {
    this.#outcome.textContent = "";
    this.ask(false);
    showOver(this.root);
    await this.#attempt("Not loaded", async () => {
      this.#show(await this.api.trash());
      return "";
    });
  }

  /**
   * Bring a file back.
   *
   * @param {HTMLElement} button The one beside it.
   */
  async restore(button) {
    const item = this.#contents.items.find(({ id }) => id === button.dataset.id);
    if (!item) return;
    await this.#attempt("Not restored", async () => {
      await this.api.restore(item.id);
      const index = this.#contents.items.indexOf(item);
      this.#show(await this.api.trash());
      this.owner.restored(item);
      const left = this.#list.querySelectorAll("button");
      this.#focus(left[Math.min(index, left.length - 1)]);
      return `Restored ${item.name} to ${item.path}.`;
    });
  }

  /**
   * Ask whether all shall be deleted for good, or no longer.
   *
   * @param {boolean} isAsked
   */
  ask(isAsked) {
    const { total, bytes } = this.#contents;
    const wasAsked = !this.#question.hidden;
    this.#question.hidden = !isAsked;
    this.#emptier.hidden = isAsked || !total;
    this.#sentence.textContent = `Delete ${counted(total, "embedding")} (${size(bytes)}) for good? This cannot be undone.`;
    if (isAsked) this.#focus(this.#question.querySelector("button"));
    else if (wasAsked) this.#focus(this.#emptier);
  }

  async empty() {
    await this.#attempt("Not emptied", async () => {
      this.#show(await this.api.emptyTrash());
      this.owner.emptied();
      return "";
    });
    this.ask(false);
  }

  /** @param {Contents} contents */
  #show(contents) {
    this.#contents = contents;
    const { total, bytes, items } = contents;
    const listed = items.length < total ? ` The newest ${items.length} are listed.` : "";
    this.#summary.textContent = total
      ? `${counted(total, "embedding")}, ${size(bytes)}. What is here stays until you empty the trash.${listed}`
      : "The trash is empty.";
    this.#list.replaceChildren(...items.map((item) => rowOf(item)));
    this.#emptier.hidden = !total || !this.#question.hidden;
  }

  /**
   * @param {string} failure The beginning of the sentence where it fails.
   * @param {() => Promise<string>} work
   */
  async #attempt(failure, work) {
    try {
      this.#outcome.textContent = await work();
    } catch (error) {
      this.#outcome.textContent = sentenceCase(`${failure}: ${/** @type {Error} */ (error).message}`);
    }
  }

  /**
   * Focus an element, or what closes the dialog where it is not there.
   *
   * @param {HTMLElement | null | undefined} target
   */
  #focus(target) {
    const isThere = target && !target.hidden;
    (isThere ? target : /** @type {HTMLElement} */ (this.root.querySelector(".close"))).focus();
  }
}

/** @param {Trashed} item */
function rowOf({ id, name, path, deleted, bytes }) {
  const label = `Restore ${name}`;
  return element(
    "li",
    {},
    element("span", { class: "what", dir: "auto" }, name),
    element("span", { class: "where", dir: "auto" }, path),
    element("span", { class: "amount" }, `${date(deleted)} · ${size(bytes)}`),
    textButton("restore", "Restore", { "data-id": id, "aria-label": label }),
  );
}
