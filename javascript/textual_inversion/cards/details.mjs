/**
 * Show all that is known about one file, with the choices that people can make for it.
 */

import { copyText, element, iconButton, keyOf, showOver, textButton } from "../dom.mjs";
import { failed, phrase, sentenceCase } from "../phrases.mjs";
import { INSERT_INTO, isEmbedding, REMOVE_FROM, renamedText } from "../words.mjs";
import { pictureOf } from "./card.mjs";
import { TextsEditor } from "./editing.mjs";
import { choiceOf, choices, heading, sections } from "./facts.mjs";
import { Renaming } from "./renaming.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../answers.mjs").Host} Host */
/** @typedef {import("../answers.mjs").Inside} Inside */
/** @typedef {import("../answers.mjs").Entry} Entry */
/** @typedef {import("../answers.mjs").Field} Field */
/** @typedef {import("../prompt/insertion.mjs").Places} Places */

/**
 * @typedef {object} Owner
 * @property {HTMLElement} home The tab.
 * @property {(entry: Entry, id: string) => void} changed Called when someone changed the entry here,
 *   with the id it had.
 * @property {(entry: Entry) => Places} placesOf
 * @property {(entry: Entry) => Field} targetOf
 * @property {(way: 1 | -1) => Entry | undefined} walk Go to the entry before or behind the one that is shown.
 * @property {(entry: Entry | undefined) => void} closed Called with the one that was shown last.
 */

const COPIED_MS = 1500;

export class DetailsPanel {
  /** @type {Entry | undefined} */
  #entry;
  /** Ends when the entry has the id by which the server knows it. */
  #moved = Promise.resolve();
  /** Rises with every question; an answer to an older one is dropped. */
  #turn = 0;
  /** What is shown, as JSON. */
  #shown = "";

  /**
   * @param {Api} api
   * @param {import("../own.mjs").Own} own
   * @param {Host} host
   * @param {import("./new_picture.mjs").NewPicture} newPicture
   * @param {Owner} owner
   */
  constructor(api, own, host, newPicture, owner) {
    this.api = api;
    this.own = own;
    this.newPicture = newPicture;
    this.host = host;
    this.owner = owner;
    this.renaming = new Renaming((name) => this.#rename(name));
    this.texts = new TextsEditor((edits) => this.#write(edits));
    this.body = element("div", { class: "body" });
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.insert = textButton("insert", "", { class: "plain main-action" });
    this.status = element("p", { class: "outcome", role: "status" });
    const bar = element(
      "div",
      { class: "bar" },
      iconButton("before", "before", phrase("Previous (←)")),
      iconButton("behind", "behind", phrase("Next (→)")),
      this.insert,
      this.status,
      iconButton("close", "close", phrase("Close (Esc)")),
    );
    this.root = element("dialog", { class: "details", "aria-label": phrase("Details") }, bar, this.body, this.problem);
    this.root.addEventListener("close", () => this.#onClose());
    this.root.addEventListener("keydown", (event) => this.#onKey(event));
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
    this.#turn += 1;
    this.#shown = "";
    this.#showProblem("");
    for (const form of this.body.querySelectorAll("form")) form.reset();
    this.status.textContent = "";
    this.#render(entry, { sha256: null, metadata: {}, tensors: {}, values: {}, health: {}, near_words: {}, bundled: {} });
    showOver(this.root, this.owner.home);
    this.root.scrollTop = 0;
    await this.refresh();
  }

  close() {
    this.root.close();
  }

  /** The entry that is shown, if any is. */
  get entry() {
    return this.#entry;
  }

  /**
   * Show the entry before or behind this one.
   *
   * @param {1 | -1} way
   */
  walk(way) {
    const entry = this.owner.walk(way);
    if (entry) this.open(entry);
  }

  /** Show the picture as large as there is room, or small again. */
  enlarge() {
    const isLarge = this.body.classList.toggle("large");
    const button = this.body.querySelector(".enlarge");
    button?.setAttribute("aria-expanded", String(isLarge));
  }

  /** Show what the button would do by now. */
  showPlaces() {
    if (!this.#entry) return;
    const field = this.owner.targetOf(this.#entry);
    const isThere = this.owner.placesOf(this.#entry)[field];
    this.insert.hidden = !isEmbedding(this.#entry);
    this.insert.textContent = (isThere ? REMOVE_FROM : INSERT_INTO)[field];
  }

  /**
   * Do something in the page, of which nothing can have the focus while the dialog is open.
   *
   * @template Result
   * @param {() => Result} work
   * @returns {Result}
   */
  aside(work) {
    if (!this.root.open) return work();
    const { scrollTop } = this.root;
    this.root.close();
    this.owner.closed(this.#entry);
    const result = work();
    this.root.showModal();
    this.root.scrollTop = scrollTop;
    this.insert.focus({ preventScroll: true });
    return result;
  }

  #onClose() {
    if (this.root.open) return;
    this.#turn += 1;
    this.owner.closed(this.#entry);
    this.#entry = undefined;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const isInField = /** @type {Element} */ (event.target).closest(":is(input, select, textarea, summary)");
    if (isInField || event.ctrlKey || event.altKey || event.metaKey) return;
    const way = keyOf(event) === "ArrowLeft" ? -1 : keyOf(event) === "ArrowRight" ? 1 : undefined;
    if (!way) return;
    this.walk(way);
    event.preventDefault();
  }

  /** Ask again for what is shown, if anything is. */
  async refresh() {
    await this.#moved;
    const id = this.#entry?.id;
    if (id === undefined || !this.root.open) return;
    const turn = (this.#turn += 1);
    try {
      const details = await this.api.entry(id);
      if (turn === this.#turn) this.#render(details, details);
    } catch (error) {
      if (turn === this.#turn) this.#showProblem(/** @type {Error} */ (error).message);
    }
  }

  /**
   * Do what gives the entry another id, or none, and ask for nothing meanwhile.
   *
   * @template {Entry | void} Result
   * @param {() => Promise<Result>} work Returns the entry that it has become, or nothing.
   */
  moving(work) {
    const id = this.#entry?.id;
    const result = work().then((moved) => {
      if (moved && id === this.#entry?.id) this.#entry = moved; // Else somebody has left it.
      return moved;
    });
    this.#moved = result.then(() => {}, () => {});
    return result;
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
      this.#showProblem(failed(phrase("Not saved"), error));
      this.#shown = "";
    }
    await this.refresh();
  }

  /** @param {string} name */
  async #rename(name) {
    const before = this.#entry;
    if (before === undefined) return "";
    const places = this.owner.placesOf(before);
    await this.moving(async () => {
      const entry = await this.api.rename(before.id, name);
      this.owner.changed(entry, before.id);
      return entry;
    });
    this.#showProblem("");
    await this.refresh();
    return renamedText(before.name, places);
  }

  /** @param {import("../own.mjs").TextEdits} edits */
  async #write(edits) {
    const id = this.#entry?.id;
    if (id === undefined) return;
    try {
      this.owner.changed(await this.own.writeTexts(id, edits), id);
    } finally {
      await this.refresh();
    }
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
      this.#showProblem(phrase("Your browser blocked copying. Select the text and copy it yourself."));
    setTimeout(() => button.classList.remove("done"), COPIED_MS);
  }

  /** @param {string} problem */
  #showProblem(problem) {
    this.problem.hidden = !problem;
    this.problem.textContent = sentenceCase(problem);
  }

  /**
   * @param {Entry} entry
   * @param {Omit<Inside, "texts" | "kind"> & Partial<Inside>} inside What is not known yet is left out.
   */
  #render(entry, inside) {
    const details = { ...entry, ...inside };
    const asJson = JSON.stringify(details);
    if (asJson === this.#shown) return;
    this.#shown = asJson;
    this.#entry = details;
    const focused = /** @type {HTMLElement | null} */ (this.body.querySelector(":focus"))?.dataset.key;
    const head = heading(details, this.renaming.root, this.host);
    this.texts.show(details, inside.texts);
    this.newPicture.show();
    const chosen = choices(details);
    chosen.append(this.newPicture.root);
    this.body.replaceChildren(this.#picture(details), head, chosen, this.texts.root, ...sections(details, this.host, this.api));
    if (!details.preview) this.body.classList.remove("large");
    // Keys go to what has the focus: what leads on gets it where this file has no such element.
    const focusable = focused && (this.body.querySelector(`[data-key="${focused}"]`) ?? this.root.querySelector("[data-action=behind]"));
    if (focusable) /** @type {HTMLElement} */ (focusable).focus();
    this.showPlaces();
  }

  /**
   * Return the picture, which a click enlarges.
   *
   * @param {Entry} details
   */
  #picture(details) {
    const { name, preview } = details;
    const picture = pictureOf(name, preview && this.api.preview(details), this.api.video(details));
    if (!preview) return picture;
    const label = phrase("Picture of {name}: enlarge it", { name });
    return element(
      "button",
      { type: "button", class: "enlarge", "data-action": "enlarge", "data-key": "enlarge", "aria-label": label },
      picture,
    );
  }
}
