/**
 * What a WebUI puts on its window; other pages have none of it.
 */

/**
 * @typedef {object} WebUI
 * @property {(textarea: HTMLTextAreaElement) => void} [updateInput]
 * @property {(callback: () => void) => void} [onAfterUiUpdate]
 * @property {(event: Event, tabname: string, page: string) => void} [extraNetworksEditUserMetadata]
 * @property {Record<string, unknown>} [opts] The settings, those of other extensions among them.
 */

export const webui = /** @type {WebUI} */ (/** @type {unknown} */ (globalThis));

/**
 * Tell whether the WebUI has an editor of preview, description and notes where a tab is.
 *
 * @param {HTMLElement} root Where the tab is.
 */
export function hasEditor({ dataset: { page } }) {
  return Boolean(page && webui.extraNetworksEditUserMetadata);
}

/**
 * Open the WebUI's editor for the card whose button was clicked.
 *
 * @param {HTMLElement} root Where the tab is.
 * @param {Event} event
 */
export function openEditor({ dataset: { tabname = "", page = "" } }, event) {
  webui.extraNetworksEditUserMetadata?.(event, tabname, page);
}
