/**
 * Whether names are completed while someone types, as they chose.
 */

import { element } from "./elements.mjs";

const KEY = "lib-embeddings-completion";
const OFF = "off";

/** @type {HTMLCollectionOf<HTMLInputElement>} One in each tab. */
const switches = /** @type {any} */ (globalThis.document?.getElementsByClassName("completion-switch"));
let isOn = recall();

export function isCompletionOn() {
  return isOn;
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
