/**
 * The prompt fields of the host: the last used one, their texts, and edits with undo.
 */

import { FIELD_TITLES, FIELDS } from "../words.mjs";
import { History, minimalEdit, removeEach, selectionAfter } from "./edits.mjs";
import { webui } from "../webui.mjs";

/** @typedef {import("../answers.mjs").Field} Field */
/** @typedef {import("./edits.mjs").Edit} Edit */
/** @typedef {import("./known_names.mjs").KnownNames} KnownNames */
/** @typedef {import("./pieces.mjs").Range} Range */
/** @typedef {import("./pieces.mjs").Reading} Reading */

/**
 * The fields; each selector matches one element in one tab of the host.
 *
 * @type {Record<Field, (tabname: string) => string>}
 */
const SELECTORS = {
  positive: (tabname) => `#${CSS.escape(tabname)}_prompt`,
  negative: (tabname) => `#${CSS.escape(tabname)}_neg_prompt`,
};
const MARK = "lib-embeddings-target";
/** Keys that leave a field, or do nothing in it. */
const PASSING = new Set(["Tab", "Shift", "Control", "Alt", "Meta", "Escape"]);

/** @type {WeakMap<HTMLTextAreaElement, History>} One for each field, whichever part edits it. */
const histories = new WeakMap();
let isEditing = false;

export class PromptFields {
  /** @type {Field | null} The field that somebody typed or clicked into last. */
  last = null;
  /** @type {WeakSet<HTMLTextAreaElement>} Fields whose caret somebody has placed. */
  #placed = new WeakSet();

  /**
   * @param {string} tabname
   * @param {{used: () => void, edited: () => void}} listener `used` is called when somebody types or
   *   clicks into a field, `edited` when the text of one may have changed.
   * @param {AbortSignal} [closing] For owners that do not live as long as the page.
   */
  constructor(tabname, listener, closing) {
    this.tabname = tabname;
    this.listener = listener;
    for (const type of ["pointerdown", "keydown", "input"])
      document.addEventListener(type, (event) => this.#onUse(event), { signal: closing, capture: true });
    for (const type of ["focusin", "input"])
      document.addEventListener(type, ({ target }) => this.#onEdit(target), { signal: closing });
    // When the host itself fills a field, no event is fired there.
    webui.onAfterUiUpdate?.(() => closing?.aborted || listener.edited());
    closing?.addEventListener("abort", () => this.mark(null));
  }

  /**
   * @param {Field} field
   * @returns {HTMLTextAreaElement | null}
   */
  textarea(field) {
    return document.querySelector(`${SELECTORS[field](this.tabname)} textarea`);
  }

  /** Return the fields that are in the page. */
  textareas() {
    return FIELDS.map((field) => this.textarea(field)).filter((textarea) => textarea !== null);
  }

  /**
   * Return the host's block around a field.
   *
   * @param {Field} field
   */
  block(field) {
    return document.querySelector(SELECTORS[field](this.tabname));
  }

  /** Name the fields in the page's language, which is not known when the small app is built. */
  name() {
    for (const field of FIELDS) {
      const label = this.block(field)?.querySelector("label > span");
      if (label && label.textContent !== FIELD_TITLES[field]) label.textContent = FIELD_TITLES[field];
    }
  }

  /**
   * Return which of the fields an element is.
   *
   * @param {EventTarget | null} target
   */
  fieldOf(target) {
    return target instanceof HTMLTextAreaElement ? FIELDS.find((field) => this.textarea(field) === target) : undefined;
  }

  /** @param {Field} field */
  text(field) {
    return this.textarea(field)?.value ?? "";
  }

  /**
   * Outline the field that names go to, or none.
   *
   * @param {Field | null} marked
   */
  mark(marked) {
    for (const field of FIELDS) {
      this.block(field)?.classList.toggle(MARK, field === marked);
    }
  }

  /**
   * Insert a name into a field, or remove it if it is there.
   *
   * @param {Field} field
   * @param {string} name
   * @param {KnownNames} names
   * @param {string} separator
   * @returns {"added" | "removed" | "missing"} `missing` if the page has no such field.
   */
  toggle(field, name, names, separator) {
    const options = { separator, isNegative: field === "negative" };
    return this.#toggle(field, name, (prompt, selection) => names.toggle(prompt, selection, name, options));
  }

  /**
   * Insert the names that a field lacks, or remove them all, in one step.
   *
   * @param {Field} field
   * @param {import("./known_names.mjs").Weighed[]} members
   * @param {boolean} isWanted
   * @param {KnownNames} names
   * @param {string} separator
   */
  toggleEach(field, members, isWanted, names, separator) {
    const options = { separator, isNegative: field === "negative" };
    const key = members.map(({ name }) => name).join("\n"); // no name has a line break
    return this.#toggle(field, key, (prompt, selection) =>
      names.toggleEach(prompt, selection, members, isWanted, options),
    );
  }

  /**
   * @param {Field} field
   * @param {string} key Identifies the names.
   * @param {(prompt: string, selection: Range) => import("./edits.mjs").Toggled} toggle
   * @returns {"added" | "removed" | "missing"}
   */
  #toggle(field, key, toggle) {
    const textarea = this.textarea(field);
    if (!textarea) return "missing";
    const { value, selectionStart: start, selectionEnd: end } = textarea;
    const selection = this.#placed.has(textarea) ? { start, end } : { start: value.length, end: value.length };
    const insertions = insertionsIn(textarea);
    const done = insertions.toggle(value, selection, key, () => toggle(value, selection));
    apply(textarea, done.edit, done.selection);
    this.#placed.add(textarea);
    return done.removed ? "removed" : "added";
  }

  /** Focus the field that was used last, else the prompt. */
  focus() {
    this.textarea(this.last ?? "positive")?.focus();
  }

  /** @param {Event} event */
  #onUse(event) {
    const { target, isTrusted } = event;
    const field = this.fieldOf(target);
    if (!field || isEditing || !isTrusted) return;
    if (event instanceof KeyboardEvent && PASSING.has(event.key)) return;
    this.#placed.add(/** @type {HTMLTextAreaElement} */ (target));
    if (this.last === field) return;
    this.last = field;
    this.listener.used();
  }

  /** @param {EventTarget | null} target */
  #onEdit(target) {
    if (this.fieldOf(target)) this.listener.edited();
  }
}

/**
 * Leave the caret in a prompt field when somebody clicks a card or one of our buttons beside it, so that they
 * can go on typing.
 *
 * @param {MouseEvent} event
 */
export function keepCaret(event) {
  const isOurs = /** @type {Element} */ (event.target).closest(".card, .lib-embeddings-report button");
  if (isOurs && document.activeElement instanceof HTMLTextAreaElement) event.preventDefault();
}

/**
 * Remove a name everywhere in a field.
 *
 * @param {HTMLTextAreaElement} textarea
 * @param {string} name
 * @param {Reading} reading
 */
export function removeFrom(textarea, name, reading) {
  const { value } = textarea;
  const before = insertionsIn(textarea).takeBack(value, name)?.text ?? value;
  applyAside(textarea, minimalEdit(value, removeEach(before, name, reading)));
}

/** @param {HTMLTextAreaElement} textarea */
function insertionsIn(textarea) {
  const known = histories.get(textarea) ?? new History();
  histories.set(textarea, known);
  return known;
}

/** Return whether the present event comes from one of our edits, and not from typing. */
export function isOurEdit() {
  return isEditing;
}

/**
 * Change a range of a field in one step that can be undone, without moving the focus.
 *
 * @param {HTMLTextAreaElement} textarea
 * @param {Edit} edit
 * @param {Range} [selection] The new selection; without it the caret goes after the new text.
 */
export function apply(textarea, edit, selection) {
  isEditing = true;
  try {
    const end = edit.start + edit.replacement.length;
    write(textarea, edit, selection ?? { start: end, end });
  } finally {
    isEditing = false;
  }
}

/**
 * Change a range of a field, without moving the person's caret.
 *
 * @param {HTMLTextAreaElement} textarea
 * @param {Edit} edit
 */
export function applyAside(textarea, edit) {
  const { selectionStart: start, selectionEnd: end } = textarea;
  apply(textarea, edit, selectionAfter({ start, end }, edit));
}

/**
 * @param {HTMLTextAreaElement} textarea
 * @param {Edit} edit
 * @param {Range} selection
 */
function write(textarea, { start, end, replacement }, selection) {
  const before = document.activeElement;
  const wanted = textarea.value.slice(0, start) + replacement + textarea.value.slice(end);
  textarea.focus({ preventScroll: true });
  textarea.setSelectionRange(start, end);
  // A hidden field cannot be focused, and the command would go elsewhere.
  const isFocused = document.activeElement === textarea;
  if (isFocused) document.execCommand(replacement ? "insertText" : "delete", false, replacement);
  if (textarea.value !== wanted) {
    textarea.value = wanted;
    textarea.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
  webui.updateInput?.(textarea);
  textarea.setSelectionRange(selection.start, selection.end);
  if (before instanceof HTMLElement && before !== textarea) before.focus({ preventScroll: true });
}
