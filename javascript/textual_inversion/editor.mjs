/**
 * The WebUI's own editor of what lies beside an embedding: preview, description and notes.
 */

import { host } from "./host.mjs";

/**
 * Tell whether there is one where a tab is.
 *
 * @param {HTMLElement} root
 */
export function hasEditor({ dataset: { page } }) {
  return Boolean(page && host.extraNetworksEditUserMetadata);
}

/**
 * Open it for the card whose button was clicked.
 *
 * @param {HTMLElement} root Where the tab is.
 * @param {Event} event
 */
export function edit({ dataset: { tabname = "", page = "" } }, event) {
  host.extraNetworksEditUserMetadata?.(event, tabname, page);
}
