/**
 * The Textual Inversion tab: what the host loads.
 *
 * Hosts load every module of this folder with `?mtime` behind its address, maybe twice. What is in the folder
 * below is loaded once, in one answer: over a slow link its modules, six at a time, would take nine round trips.
 * Browsers that are too old for that get a sentence: so it is imported only where they are not, and here is
 * nothing new.
 */

const SENTENCE = "This tab needs a newer browser: Chrome or Edge 120, Firefox 125, Safari 17.4, or a later one.";

const SCRIPTS = "lib-embeddings/v1/scripts";
const ENTRY = "textual_inversion/mount.mjs";
/** An import's last line, before its path and that. */
const IMPORTED = /^((?:import .*|\} )from )"(.+)"/gm;

if ("any" in AbortSignal && "popover" in HTMLElement.prototype && CSS.supports("selector(&)")) {
  const page = /** @type {any} */ (globalThis);
  page.libEmbeddings = page.libEmbeddings || begin();
} else {
  const explain = () => {
    for (const place of Array.from(document.getElementsByClassName("lib-embeddings"))) {
      if (!place.textContent) place.textContent = SENTENCE;
    }
  };
  new MutationObserver(explain).observe(document.documentElement, { childList: true, subtree: true });
  explain();
}

/** Where the host has no such answer, or allows no such addresses, the modules are loaded as they lie. */
async function begin() {
  const { start } = await loadAtOnce().catch(() => import("./textual_inversion/mount.mjs"));
  start();
}

/** Import the entry, it and what it imports each from an address that is made of its source. */
async function loadAtOnce() {
  const answer = await fetch(SCRIPTS);
  const sources = Object.entries(await answer.json());
  const scripts = new Map(sources.map(([path, source]) => [placeOf(path), source]));
  /** @type {Map<string, string>} */
  const made = new Map();
  const addressOf = (/** @type {string} */ place) => {
    const known = made.get(place);
    if (known) return known;
    const link = (/** @type {string} */ _, /** @type {string} */ before, /** @type {string} */ path) => `${before}"${addressOf(placeOf(path, place))}"`;
    const source = scripts.get(place).replace(IMPORTED, link).replaceAll("import.meta.url", () => `"${place}"`);
    const address = URL.createObjectURL(new Blob([source, `\n//# sourceURL=${place}`], { type: "text/javascript" }));
    made.set(place, address);
    return address;
  };
  return import(addressOf(placeOf(ENTRY)));
}

/** @param {string} path @param {string} [from] */
function placeOf(path, from = import.meta.url) {
  return new URL(path, from).href;
}
