/**
 * Forms that open in place. Cancel, Esc and whoever leads on to something else reset them, and `reset` closes them.
 */

import { element } from "./dom.mjs";
import { phrase } from "./phrases.mjs";

/**
 * Build a form that is closed.
 *
 * @param {HTMLElement[]} fields
 * @param {HTMLElement} submit
 * @param {() => HTMLElement | void} closed Called when it has closed; returns what gets the focus if the form had it.
 */
export function formInPlace(fields, submit, closed) {
  const cancel = element("button", { type: "reset", class: "plain" }, phrase("Cancel"));
  const ending = element("span", { class: "ending" }, submit, cancel); // Beside each other however narrow it is.
  const form = element("form", { class: "renaming", hidden: true }, ...fields, ending);
  form.addEventListener("reset", () => {
    const hadFocus = form.contains(document.activeElement);
    form.hidden = true;
    const next = closed();
    if (hadFocus && next) next.focus();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.preventDefault(); // It would close what is around.
    event.stopPropagation();
    form.reset();
  });
  return form;
}

/**
 * Watch what happens to a form until its answer comes: that answer is about the form as it is now.
 *
 * @param {HTMLFormElement} form
 * @returns {{isLeft: boolean, isEdited: boolean}} Whether it was closed since, and whether its text is another.
 */
export function watched(form) {
  const since = { isLeft: false, isEdited: false };
  form.addEventListener("reset", () => (since.isLeft = true), { once: true });
  form.addEventListener("input", () => (since.isEdited = true), { once: true });
  return since;
}
