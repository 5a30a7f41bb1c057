/**
 * The prompt boxes of the host: which one has the caret, what is in them, and edits with undo.
 */

import { webui } from "../webui.mjs";

/** @typedef {import("../api.mjs").BoxKind} BoxKind */
/** @typedef {import("./edits.mjs").Edit} Edit */
/** @typedef {import("./known_names.mjs").KnownNames} KnownNames */

/** @type {BoxKind[]} */
export const BOX_KINDS = ["positive", "negative"];

/**
 * Where the boxes are; each matches one element for one tab of the webui.
 *
 * @type {Record<BoxKind, (tabname: string) => string>}
 */
const SELECTORS = {
  positive: (tabname) => `#${CSS.escape(tabname)}_prompt`,
  negative: (tabname) => `#${CSS.escape(tabname)}_neg_prompt`,
};
const MARK = "lib-embeddings-target";

let isEditing = false;

export class Boxes {
  /** @type {BoxKind | null} The box that was focused last. */
  last = null;
  /** @type {WeakSet<HTMLTextAreaElement>} Those whose caret somebody has placed. */
  #focused = new WeakSet();

  /**
   * @param {string} tabname
   * @param {{focused: () => void, edited: () => void}} listener
   * @param {AbortSignal} closing
   */
  constructor(tabname, listener, closing) {
    this.tabname = tabname;
    this.listener = listener;
    document.addEventListener("focusin", ({ target }) => this.#noticeFocus(target), { signal: closing });
    document.addEventListener("input", ({ target }) => this.#noticeInput(target), { signal: closing });
    // A host that puts a prompt into its box itself fires no event there.
    webui.onAfterUiUpdate?.(() => closing.aborted || listener.edited());
    closing.addEventListener("abort", () => this.mark(null));
  }

  /**
   * @param {BoxKind} kind
   * @returns {HTMLTextAreaElement | null}
   */
  box(kind) {
    return document.querySelector(`${SELECTORS[kind](this.tabname)} textarea`);
  }

  /**
   * Return what the host has around a box.
   *
   * @param {BoxKind} kind
   */
  block(kind) {
    return document.querySelector(SELECTORS[kind](this.tabname));
  }

  /**
   * Tell which of the boxes this is.
   *
   * @param {EventTarget | null} target
   */
  kindOf(target) {
    return target instanceof HTMLTextAreaElement ? BOX_KINDS.find((kind) => this.box(kind) === target) : undefined;
  }

  /** @param {BoxKind} kind */
  text(kind) {
    return this.box(kind)?.value ?? "";
  }

  /**
   * Outline the box that names go to, or none.
   *
   * @param {BoxKind | null} marked
   */
  mark(marked) {
    for (const kind of BOX_KINDS) {
      this.block(kind)?.classList.toggle(MARK, kind === marked);
    }
  }

  /**
   * Put a name into a box, or take it out where it is in it.
   *
   * @param {BoxKind} kind
   * @param {string} name
   * @param {KnownNames} names
   * @returns {"added" | "removed" | "missing"} `missing` where the page has no such box.
   */
  toggle(kind, name, names) {
    const box = this.box(kind);
    if (!box) return "missing";
    const caret = this.#focused.has(box) ? box.selectionEnd : box.value.length;
    const separator = webui.opts?.extra_networks_add_text_separator;
    const { edit, caret: after, removed } = names.toggle(box.value, caret, name, separator);
    apply(box, edit, after);
    this.#focused.add(box);
    return removed ? "removed" : "added";
  }

  /** Go to the box that was focused last, else to the prompt. */
  focus() {
    this.box(this.last ?? "positive")?.focus();
  }

  /** @param {EventTarget | null} target */
  #noticeFocus(target) {
    const kind = this.kindOf(target);
    if (!kind || isEditing) return;
    this.#focused.add(/** @type {HTMLTextAreaElement} */ (target));
    this.last = kind;
    this.listener.focused();
  }

  /** @param {EventTarget | null} target */
  #noticeInput(target) {
    if (this.kindOf(target)) this.listener.edited();
  }
}

/**
 * Leave the caret in a prompt box when a card or a button of ours beside it is clicked, so that
 * typing can go on.
 *
 * @param {MouseEvent} event
 */
export function keepCaret(event) {
  const isOurs = /** @type {Element} */ (event.target).closest(".card, .lib-embeddings-report button");
  if (isOurs && document.activeElement instanceof HTMLTextAreaElement) event.preventDefault();
}

/** Tell whether the event that is being heard comes from an edit of ours, and not from someone who types. */
export function isOurEdit() {
  return isEditing;
}

/**
 * Change a range of a box in one step that can be undone, and leave the focus where it was.
 *
 * @param {HTMLTextAreaElement} box
 * @param {Edit} edit
 * @param {number} [caret] Where to leave the caret; else behind what was written.
 */
export function apply(box, edit, caret = edit.start + edit.replacement.length) {
  isEditing = true;
  try {
    write(box, edit, caret);
  } finally {
    isEditing = false;
  }
}

/**
 * @param {HTMLTextAreaElement} box
 * @param {Edit} edit
 * @param {number} caret
 */
function write(box, { start, end, replacement }, caret) {
  const before = document.activeElement;
  const wanted = box.value.slice(0, start) + replacement + box.value.slice(end);
  box.focus({ preventScroll: true });
  box.setSelectionRange(start, end);
  // A box that is not shown cannot be focused, and the command would go elsewhere.
  const isFocused = document.activeElement === box;
  if (isFocused) document.execCommand(replacement ? "insertText" : "delete", false, replacement);
  if (box.value !== wanted) {
    box.value = wanted;
    box.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
  webui.updateInput?.(box);
  box.setSelectionRange(caret, caret);
  if (before instanceof HTMLElement && before !== box) before.focus({ preventScroll: true });
}
