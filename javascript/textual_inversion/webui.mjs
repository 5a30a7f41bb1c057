/** What a WebUI has in its page: functions on its window, tabs, an editor for what lies beside a file, a gallery. */

/**
 * @typedef {object} WebUI
 * @property {(textarea: HTMLTextAreaElement) => void} [updateInput]
 * @property {(callback: () => void) => void} [onAfterUiUpdate]
 * @property {(event: Event, tabname: string, page: string) => void} [extraNetworksEditUserMetadata]
 * @property {Record<string, unknown>} [opts] The settings, including those of other extensions.
 */

/** Empty in pages without a WebUI. */
export const webui = /** @type {WebUI} */ (/** @type {unknown} */ (globalThis));

/**
 * Open the host's tabs that hide a part of the page.
 *
 * @param {Element} part
 */
export function openTabs(part) {
  for (let pane = part.closest(".tabitem"); pane; pane = pane.parentElement?.closest(".tabitem") ?? null) {
    const place = Array.from(pane.parentElement?.querySelectorAll(":scope > .tabitem") ?? []).indexOf(pane);
    const buttons = pane.parentElement?.querySelectorAll(":scope > .tab-nav button") ?? [];
    if (!pane.getClientRects().length) /** @type {HTMLElement | undefined} */ (buttons[place])?.click();
  }
}

/**
 * Return whether the WebUI has an editor of preview, description and notes where a tab is.
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

/**
 * Return the address of the last picture in a tab of the host; if somebody has chosen one, of that one.
 *
 * @param {string} tabname
 * @returns {string | undefined} None without a gallery, or if it is empty.
 */
export function lastPicture(tabname) {
  const pictures = document.querySelectorAll(`#${CSS.escape(tabname)}_gallery img`);
  const shown = Array.from(pictures).find((picture) => picture.closest(".preview, [data-testid=detailed-image]"));
  const picture = shown ?? pictures[0];
  return picture instanceof HTMLImageElement ? picture.src : undefined;
}
