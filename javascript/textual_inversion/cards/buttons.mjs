/**
 * The small buttons on cards. A mouse or a key meets those of one card at a time, so that only that card has them;
 * under fingers, which do not hover, every card has.
 */

import { element, iconButton } from "../dom.mjs";
import { phrase } from "../phrases.mjs";
import { isEmbedding } from "../words.mjs";

/** @typedef {import("../answers.mjs").Entry} Entry */

const FINGERS = matchMedia("(hover: none)");

/**
 * Give each card of a list its buttons while somebody is there.
 *
 * @param {HTMLElement} list
 * @param {() => Iterable<{card: HTMLLIElement, entry: Entry}>} shown The cards in it.
 * @param {object} options
 * @param {boolean} options.hasEditor Whether the page has an editor for what lies beside a file.
 * @param {(card: HTMLLIElement, entry: Entry) => void} options.decorate Called for every card that has other buttons now.
 * @param {AbortSignal} signal
 */
export function offerButtons(list, shown, { hasEditor, decorate }, signal) {
  const offer = () => {
    for (const { card, entry } of FINGERS.matches ? [] : shown()) {
      const isMet = card.matches(":hover, :focus-within");
      if (isMet === hasButtons(card)) continue;
      if (isMet) giveButtons(card, entry, hasEditor);
      else takeButtons(card, entry);
      decorate(card, entry);
    }
  };
  for (const type of ["mouseover", "mouseleave", "focusin"]) list.addEventListener(type, offer, { signal });
}

/**
 * Build the place of a card's buttons. A favourite is known by its star, which is always there.
 *
 * @param {Entry} entry
 * @param {boolean} hasEditor
 * @param {boolean} isMet Whether somebody is at the card now.
 */
export function buttonRow(entry, hasEditor, isMet) {
  const buttons = isMet || FINGERS.matches ? buttonsOf(entry, hasEditor) : entry.favourite ? [starOf(entry)] : [];
  return element("div", { class: "button-row" }, ...buttons);
}

/**
 * Return whether a card has all of its buttons.
 *
 * @param {HTMLLIElement} card
 */
export function hasButtons(card) {
  return card.querySelector(".button-row > .info") !== null;
}

/**
 * @param {HTMLLIElement} card
 * @param {Entry} entry
 * @param {boolean} hasEditor
 */
function giveButtons(card, entry, hasEditor) {
  const [star, ...others] = buttonsOf(entry, hasEditor);
  const there = card.querySelector(".star"); // It stays, as it may be what is being pressed.
  if (there) there.after(...others);
  else card.querySelector(".button-row")?.prepend(star, ...others);
}

/**
 * Other extensions may have put buttons there too, which stay.
 *
 * @param {HTMLLIElement} card
 * @param {Entry} entry
 */
function takeButtons(card, { favourite }) {
  const buttons = card.querySelectorAll(`.button-row > [data-action]${favourite ? ":not(.star)" : ""}`);
  for (const button of buttons) button.remove();
}

/** @param {Entry} entry */
function starOf({ name, favourite }) {
  const attributes = { tabindex: -1, "aria-pressed": String(favourite) };
  return iconButton("star", "favourite", phrase("Mark {name} as a favourite", { name }), attributes);
}

/**
 * @param {Entry} entry
 * @param {boolean} hasEditor
 * @returns {HTMLButtonElement[]}
 */
function buttonsOf(entry, hasEditor) {
  const { name, state } = entry;
  const hidden = { tabindex: -1 };
  const [star, details] = [starOf(entry), iconButton("info", "details", phrase("Details of {name}", { name }), hidden)];
  if (!isEmbedding(entry)) return [star, details];
  // The editor finds files by name, and so only one of several with the same name.
  const edit = hasEditor && state === "ok"
    ? [iconButton("edit", "edit", phrase("Edit preview, description and notes of {name}", { name }), hidden)]
    : [];
  return [
    star,
    ...edit,
    iconButton("plus", "positive", phrase("Insert {name} into the prompt", { name }), { ...hidden, "aria-pressed": "false" }),
    iconButton("minus", "negative", phrase("Insert {name} into the negative prompt", { name }), { ...hidden, "aria-pressed": "false" }),
    details,
  ];
}
