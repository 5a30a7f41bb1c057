/**
 * Copy text, also where the page was not served over https.
 */

import { element } from "./elements.mjs";

/**
 * @param {string} text
 * @param {HTMLElement} near Where a box can be focused now; an open dialog lets none outside of it.
 * @returns {Promise<boolean>} Whether the browser did it.
 */
export async function copyText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard without https, or no permission: the old command needs neither.
    return copySelection(text, near);
  }
}

/**
 * @param {string} text
 * @param {HTMLElement} near
 */
function copySelection(text, near) {
  const before = document.activeElement;
  const box = element("textarea", { readonly: true, class: "copy-source", "aria-hidden": "true" });
  box.value = text;
  near.append(box);
  box.select();
  const isCopied = document.execCommand("copy");
  box.remove();
  if (before instanceof HTMLElement) before.focus();
  return isCopied;
}
