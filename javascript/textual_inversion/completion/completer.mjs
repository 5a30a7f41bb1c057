/**
 * Complete names of embeddings while someone types a prompt.
 *
 * Keys are answered before the host hears of them, and only those that mean something to an
 * open list: Enter with nothing chosen is the host's.
 */

import { element } from "../elements.mjs";
import { Questions } from "../questions.mjs";
import { apply, isOurEdit } from "../prompt/fields.mjs";
import { CompletionList } from "./list.mjs";
import { completeWord, typedWord } from "./typed_word.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../api.mjs").Completion} Completion */
/** @typedef {import("./typed_word.mjs").TypedWord} TypedWord */

const KEY = "lib-embeddings-completion";
const OFF = "off";
const TYPING = new Set(["insertText", "insertCompositionText", "insertFromComposition"]);

/** @type {HTMLCollectionOf<HTMLInputElement>} One in each tab. */
const switches = /** @type {any} */ (globalThis.document?.getElementsByClassName("completion-switch"));
let isOn = recall();

export class Completer {
  /** @type {HTMLTextAreaElement | undefined} Where someone types. */
  #box;
  /** @type {TypedWord | null} */
  #typed = null;

  /**
   * @param {Api} api
   * @param {(box: EventTarget | null) => Element | null} blockOf Returns what the host
   *   has around a prompt box, null for other elements.
   * @param {AbortSignal} signal
   */
  constructor(api, blockOf, signal) {
    this.blockOf = blockOf;
    this.list = new CompletionList((completion) => this.#accept(completion));
    /** @type {Questions<string, Completion[]>} */
    this.questions = new Questions(
      (text) => api.completions(text),
      (completions) => this.#show(completions ?? []),
    );
    const capture = true;
    document.addEventListener("input", (event) => this.#hear(/** @type {InputEvent} */ (event)), { signal });
    document.addEventListener("compositionend", ({ target }) => this.#look(target), { signal });
    document.addEventListener("keydown", (event) => this.#answer(event), { signal, capture });
    document.addEventListener("focusout", () => this.#close(), { signal });
    document.addEventListener("selectionchange", () => this.#closeIfMoved(), { signal });
    addEventListener("scroll", () => this.list.place(), { signal, capture, passive: true });
    addEventListener("resize", () => this.list.place(), { signal });
  }

  /** @param {InputEvent} event */
  #hear({ target, inputType, isComposing }) {
    if (isOurEdit() || isComposing) return;
    const isDeleting = inputType?.startsWith("delete") && this.list.isOpen;
    if (TYPING.has(inputType) || isDeleting) this.#look(target);
    else this.#close();
  }

  /**
   * Look what is being typed, and ask for names that it may become.
   *
   * @param {EventTarget | null} target
   */
  #look(target) {
    if (!this.blockOf(target)) return;
    const box = /** @type {HTMLTextAreaElement} */ (target);
    const hasSelection = box.selectionStart !== box.selectionEnd;
    const mayOffer = isOn && !hasSelection && (this.list.isOpen || !hasOther(box));
    const typed = mayOffer ? typedWord(box.value, box.selectionEnd) : null;
    if (!typed) {
      this.#close();
      return;
    }
    this.#box = box;
    this.#typed = typed;
    this.questions.ask(typed.text);
  }

  /** @param {Completion[]} completions */
  #show(completions) {
    const [box, typed, block] = [this.#box, this.#typed, this.blockOf(this.#box ?? null)];
    if (!box || !typed || !block) return;
    const news = completions.filter(({ insert }) => insert !== box.value.slice(typed.wordStart, typed.end));
    if (news.length) this.list.show(news, box, block, typed.wordStart);
    else this.list.hide();
  }

  /** @param {KeyboardEvent} event */
  #answer(event) {
    if (!this.list.isOpen || event.target !== this.#box || event.isComposing) return;
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    if (!this.#follow(event.key)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /**
   * @param {string} key
   * @returns {boolean} Whether the key meant anything.
   */
  #follow(key) {
    if (key === "ArrowDown") this.list.move(1);
    else if (key === "ArrowUp") this.list.move(-1);
    else if (key === "Escape") this.#close();
    else if ((key === "Enter" || key === "Tab") && this.list.chosen) this.#accept(this.list.chosen);
    else return false;
    return true;
  }

  /** @param {Completion} completion */
  #accept({ insert }) {
    const [box, typed] = [this.#box, this.#typed];
    this.#close();
    if (box && typed) apply(box, completeWord(box.value, typed, insert));
  }

  #closeIfMoved() {
    const [box, typed] = [this.#box, this.#typed];
    if (box && (box.selectionStart !== typed?.end || box.selectionEnd !== typed.end)) this.#close();
  }

  #close() {
    this.questions.drop();
    this.list.hide();
    this.#box = undefined;
    this.#typed = null;
  }
}

/**
 * Tell whether another extension completes what is typed in a box.
 *
 * @param {HTMLTextAreaElement} box
 */
function hasOther(box) {
  const { nextElementSibling: next } = box;
  return (
    box.classList.contains("autocomplete") ||
    (box.getAttribute("aria-autocomplete") ?? "none") !== "none" ||
    Boolean(next?.matches(".autocompleteParent, .autocompleteResults"))
  );
}

/** Build a switch for the choice. */
export function completionSwitch() {
  const input = element("input", { type: "checkbox", role: "switch", class: "completion-switch", checked: isOn });
  input.addEventListener("change", () => choose(input.checked));
  return element("label", { class: "choice", title: "Offer names while I type a prompt" }, input, "Complete names");
}

/** @param {boolean} choice */
function choose(choice) {
  isOn = choice;
  for (const other of switches) other.checked = choice;
  try {
    if (choice) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, OFF);
  } catch {
    // Private windows and full or forbidden storage: the choice holds for this visit.
  }
}

function recall() {
  try {
    return localStorage.getItem(KEY) !== OFF;
  } catch {
    return true;
  }
}
