/**
 * Complete names of embeddings while someone types a prompt.
 *
 * Keys that mean something to an open list are handled before the host gets them. All others, such as Enter
 * with nothing chosen, are the host's.
 */

import { element } from "../dom.mjs";
import { phrase } from "../phrases.mjs";
import { Questions } from "../request.mjs";
import { apply, isOurEdit } from "../prompt/fields.mjs";
import { recentNames } from "../prompt/recent.mjs";
import { forget, keep, recall } from "../storage.mjs";
import { CompletionList } from "./list.mjs";
import { completeWord, setsFor, typedSet, typedWord } from "./typed_word.mjs";
import { webui } from "../webui.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../answers.mjs").Completion} Completion */
/** @typedef {import("../answers.mjs").Host} Host */
/** @typedef {import("../own.mjs").KnownMember} KnownMember */
/** @typedef {import("../own.mjs").Own} Own */
/** @typedef {import("./typed_word.mjs").TypedWord} TypedWord */

const KEY = "lib-embeddings-completion";
const OFF = "off";
const TYPING = new Set(["insertText", "insertCompositionText", "insertFromComposition"]);

/** @type {HTMLCollectionOf<HTMLInputElement>} One in each tab. */
const switches = /** @type {any} */ (globalThis.document?.getElementsByClassName("completion-switch"));
/** @type {HTMLCollectionOf<HTMLElement>} One beside each switch. */
const notes = /** @type {any} */ (globalThis.document?.getElementsByClassName("completion-note"));
let isOn = recall(KEY) !== OFF;

export class Completer {
  /** @type {HTMLTextAreaElement | undefined} The field in which someone types. */
  #textarea;
  /** @type {TypedWord | null} */
  #typed = null;
  /** The whole text in which it was typed. */
  #text = "";

  /**
   * @param {Api} api
   * @param {Own} own
   * @param {Host} host
   * @param {object} page
   * @param {(target: EventTarget | null) => Element | null} page.blockOf Returns the host's block around a
   *   prompt field, null for other elements.
   * @param {(target: EventTarget, members: KnownMember[]) => void} page.insertSet Puts all names of a set into
   *   the prompt fields of a tab, given one of them.
   */
  constructor(api, own, host, { blockOf, insertSet }) {
    this.own = own;
    this.blockOf = blockOf;
    this.insertSet = insertSet;
    this.list = new CompletionList(api, host, (completion) => this.#accept(completion));
    /** @type {Questions<string, Completion[]>} */
    this.questions = new Questions(
      (text) => (typedSet(text, text.length) ? this.#sets(text) : api.completions(text, recentNames())),
      (completions) => this.#show(completions ?? []),
    );
    this.list.root.addEventListener("pointerdown", () => this.#keepList());
    const capture = true;
    document.addEventListener("input", (event) => this.#onInput(/** @type {InputEvent} */ (event)));
    document.addEventListener("compositionend", ({ target }) => this.#lookUp(target));
    document.addEventListener("keydown", (event) => this.#onKey(event), { capture });
    document.addEventListener("focusout", () => this.#close());
    document.addEventListener("selectionchange", () => this.#closeIfOther());
    addEventListener("scroll", () => this.list.place(), { capture, passive: true });
    addEventListener("resize", () => this.list.place());
  }

  /**
   * Match the present page.
   *
   * @param {HTMLTextAreaElement[]} textareas The prompt fields.
   */
  place(textareas) {
    this.list.place();
    if (this.list.isOpen) return; // Our own list would look like another extension's.
    const isOther = textareas.some((textarea) => hasOther(textarea));
    for (const note of notes) note.hidden = !isOther;
  }

  /** @param {InputEvent} event */
  #onInput({ target, inputType, isComposing }) {
    if (isOurEdit() || isComposing) return;
    const isDeleting = inputType?.startsWith("delete") && this.list.isOpen;
    if (TYPING.has(inputType) || isDeleting) this.#lookUp(target);
    else this.#close();
  }

  /**
   * Find the word that is being typed, and ask for its completions.
   *
   * @param {EventTarget | null} target
   */
  #lookUp(target) {
    if (!this.blockOf(target)) return;
    const textarea = /** @type {HTMLTextAreaElement} */ (target);
    const hasSelection = textarea.selectionStart !== textarea.selectionEnd;
    const mayOffer = isOn && !hasSelection && (this.list.isOpen || !hasOther(textarea));
    const { value, selectionEnd } = textarea;
    const typed = mayOffer ? (typedSet(value, selectionEnd) ?? typedWord(value, selectionEnd)) : null;
    if (!typed) {
      this.#close();
      return;
    }
    this.#textarea = textarea;
    this.#typed = typed;
    this.#text = value;
    this.list.choose(-1); // Enter must mean the same before the answer as after it.
    this.questions.ask(typed.text);
  }

  /**
   * @param {string} text
   * @returns {Promise<Completion[]>}
   */
  async #sets(text) {
    const sets = setsFor(await this.own.sets(), text);
    return sets.map(({ name, members }) => ({
      ...{ id: "", name, members, insert: "", n_vectors: 0, families: [] },
      ...{ fit: /** @type {const} */ ("usable"), field: /** @type {const} */ ("positive") },
    }));
  }

  /** @param {Completion[]} completions */
  #show(completions) {
    this.#closeIfOther();
    const [textarea, typed, block] = [this.#textarea, this.#typed, this.blockOf(this.#textarea ?? null)];
    if (!textarea || !typed || !block) return;
    const news = completions.filter(({ insert }) => insert !== textarea.value.slice(typed.wordStart, typed.end));
    if (news.length) this.list.show(news, textarea, block, typed.wordStart);
    else this.list.hide();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    this.#closeIfOther();
    if (!this.list.isOpen || event.target !== this.#textarea || event.isComposing) return;
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    if (!this.#answer(event.key)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /**
   * @param {string} key
   * @returns {boolean} Whether the key had a meaning.
   */
  #answer(key) {
    if (key === "ArrowDown") this.#move(1);
    else if (key === "ArrowUp") this.#move(-1);
    else if (key === "Escape") this.#close();
    else if ((key === "Enter" || key === "Tab") && this.list.chosen) this.#accept(this.list.chosen);
    else return false;
    return true;
  }

  /** @param {1 | -1} step */
  #move(step) {
    this.#keepList();
    this.list.move(step);
  }

  /** Let no late answer change the list while somebody chooses from it. */
  #keepList() {
    this.questions.drop();
  }

  /** @param {Completion} completion */
  #accept({ insert, members }) {
    this.#closeIfOther();
    const [textarea, typed] = [this.#textarea, this.#typed];
    this.#close();
    if (!textarea || !typed) return;
    if (!members) {
      apply(textarea, completeWord(textarea.value, typed, insert));
      return;
    }
    apply(textarea, { start: typed.start, end: typed.end, replacement: "" });
    this.insertSet(textarea, members);
  }

  /** A host may fill a field without an event, and browsers report a moved caret late. */
  #closeIfOther() {
    const [textarea, end] = [this.#textarea, this.#typed?.end];
    if (!textarea) return;
    const { value, selectionStart, selectionEnd } = textarea;
    if (value !== this.#text || selectionStart !== end || selectionEnd !== end) this.#close();
  }

  #close() {
    this.questions.drop();
    this.list.hide();
    this.#textarea = undefined;
    this.#typed = null;
  }
}

/**
 * Return whether another extension completes words in a field.
 *
 * @param {HTMLTextAreaElement} textarea
 */
function hasOther(textarea) {
  const { nextElementSibling: next } = textarea;
  const hasTagcomplete =
    textarea.classList.contains("autocomplete") || next?.matches(".autocompleteParent, .autocompleteResults");
  if (webui.opts?.autocomplete_active) return true; // The WebUI's own, which leaves no sign at the field.
  if (hasTagcomplete) return webui.opts?.tac_active !== false && webui.opts?.tac_useEmbeddings !== false;
  return (textarea.getAttribute("aria-autocomplete") ?? "none") !== "none";
}

/** Build a switch that turns the completion of names on and off. */
export function completionSwitch() {
  const input = element("input", { type: "checkbox", role: "switch", class: "completion-switch", checked: isOn });
  input.addEventListener("change", () => choose(input.checked));
  const title = phrase("Suggest names of embeddings while you type a prompt");
  const note = element("span", { class: "completion-note", hidden: true }, phrase("(another extension does)"));
  return element("label", { class: "choice", title }, input, phrase("Complete names"), note);
}

/** @param {boolean} choice */
function choose(choice) {
  isOn = choice;
  for (const other of switches) other.checked = choice;
  if (choice) forget(KEY);
  else keep(KEY, OFF);
}
