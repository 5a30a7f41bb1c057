/**
 * Show what was deleted, and bring it back, or delete it for good.
 */

import { dialog, element, showOver, textButton } from "../dom.mjs";
import { COUNTED, date, failed, number, phrase, sentenceCase, size } from "../phrases.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../answers.mjs").Trash} Contents */
/** @typedef {import("../answers.mjs").Trashed} Trashed */

/**
 * @typedef {object} Owner
 * @property {HTMLElement} home The tab.
 * @property {(item: Trashed) => unknown} restored
 * @property {() => unknown} emptied
 */

export class Trash {
  /** @type {Contents} What is shown. */
  #contents = { total: 0, bytes: 0, items: [] };
  #summary = element("p", { class: "summary" });
  #list = element("ul", { class: "trashed", "aria-label": phrase("In the trash") });
  #outcome = element("p", { class: "outcome", role: "status" });
  #emptier = textButton("empty-trash", phrase("Empty the trash …"));
  #sentence = element("p");
  #question = element(
    "div",
    { class: "question", role: "group", "aria-label": phrase("Empty the trash"), hidden: true },
    this.#sentence,
    textButton("keep-trash", phrase("Keep")),
    textButton("empty-trash-for-good", phrase("Delete for good")),
  );

  /**
   * @param {Api} api
   * @param {Owner} owner
   */
  constructor(api, owner) {
    this.api = api;
    this.owner = owner;
    const foot = element("div", { class: "foot" }, this.#question, this.#emptier);
    this.root = dialog(phrase("Trash"), "trash", this.#summary, this.#outcome, this.#list, foot);
  }

  async open() {
    this.#outcome.textContent = "";
    this.ask(false);
    showOver(this.root, this.owner.home);
    await this.#attempt(phrase("Not loaded"), async () => {
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
    await this.#attempt(phrase("Not restored"), async () => {
      await this.api.restore(item.id);
      const index = this.#contents.items.indexOf(item);
      this.#show(await this.api.trash());
      this.owner.restored(item);
      const left = this.#list.querySelectorAll("button");
      this.#focus(left[Math.min(index, left.length - 1)]);
      return phrase("Restored {name} to {path}.", { name: item.name, path: item.path });
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
    this.#sentence.textContent = phrase("Delete {files} ({size}) for good? This cannot be undone.", {
      files: COUNTED.files(total),
      size: size(bytes),
    });
    if (isAsked) this.#focus(this.#question.querySelector("button"));
    else if (wasAsked) this.#focus(this.#emptier);
  }

  async empty() {
    await this.#attempt(phrase("Not emptied"), async () => {
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
    const all = { files: COUNTED.files(total), size: size(bytes) };
    const sentences = total
      ? [phrase("{files}, {size}. Everything here stays until you empty the trash.", all)]
      : [phrase("The trash is empty.")];
    if (items.length < total) sentences.push(phrase("The newest {count} are listed.", { count: number(items.length) }));
    this.#summary.textContent = sentences.join(" ");
    this.#list.replaceChildren(...items.map((item) => itemOf(item)));
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
      this.#outcome.textContent = sentenceCase(failed(failure, error));
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
function itemOf({ id, name, path, deleted, bytes }) {
  const label = phrase("Restore {name}", { name });
  return element(
    "li",
    {},
    element("span", { class: "what", dir: "auto" }, name),
    element("span", { class: "where", dir: "auto" }, path),
    element("span", { class: "amount" }, `${date(deleted)} · ${size(bytes)}`),
    textButton("restore", phrase("Restore"), { "data-id": id, "aria-label": label }),
  );
}
