/**
 * The Textual Inversion tab: what the host loads.
 *
 * Hosts load every module of this folder with `?mtime` behind its address, maybe twice. What
 * is imported from the folder below has one address and therefore runs once. Browsers that are too old
 * for that get a sentence: so it is imported only where they are not, and here is nothing new.
 */

const SENTENCE = "This tab needs a newer browser: Chrome or Edge 120, Firefox 125, Safari 17.4, or a later one.";

/** Where something of ours goes: in a page that is built. */
const PLACES = "textarea, .lib-embeddings, .lib-embeddings-model";

if ("any" in AbortSignal && "popover" in HTMLElement.prototype && CSS.supports("selector(&)")) {
  const observer = new MutationObserver(begin);
  observer.observe(document.documentElement, { childList: true, subtree: true });
  begin();

  // A browser asks a host for few files at once, and hosts need scripts of their own to build their page.
  function begin() {
    if (!document.querySelector(PLACES)) return;
    observer.disconnect();
    import("./textual_inversion/mount.mjs").then(({ start }) => start());
  }
} else {
  const explain = () => {
    for (const place of Array.from(document.getElementsByClassName("lib-embeddings"))) {
      if (!place.textContent) place.textContent = SENTENCE;
    }
  };
  new MutationObserver(explain).observe(document.documentElement, { childList: true, subtree: true });
  explain();
}
