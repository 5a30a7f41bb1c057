/**
 * What a WebUI puts on its window; other pages have none of it.
 *
 * @typedef {object} Host
 * @property {{extra_networks_add_text_separator?: string}} [opts]
 * @property {(box: HTMLTextAreaElement) => void} [updateInput]
 * @property {(callback: () => void) => void} [onAfterUiUpdate]
 * @property {(event: Event, tabname: string, page: string) => void} [extraNetworksEditUserMetadata]
 */
export const host = /** @type {Host} */ (/** @type {unknown} */ (window));
