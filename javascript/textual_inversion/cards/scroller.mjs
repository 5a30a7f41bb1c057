/**
 * The part of the page that cards scroll in: a part of their own, or where there is little room, as on
 * a phone, the page itself.
 *
 * All sizes are CSS pixels.
 */

export class Scroller {
  /** How much of the list is above what is seen; kept, because the browser lays out the page to answer. */
  top = 0;

  /**
   * @param {HTMLElement} viewport It scrolls, or lets the page scroll where its style says so.
   * @param {HTMLElement} list What is in it.
   */
  constructor(viewport, list) {
    this.viewport = viewport;
    this.list = list;
  }

  /** How high the part is that can be seen. */
  get height() {
    return this.#isPage ? innerHeight - this.#covered : this.viewport.clientHeight;
  }

  /** @param {number} top No further than the list is long. */
  moveTo(top) {
    if (!top && !this.top) return;
    if (this.#isPage) scrollBy({ top: this.list.getBoundingClientRect().top - this.#covered + top });
    else this.viewport.scrollTop = top;
    this.update();
  }

  /**
   * See how far somebody has scrolled.
   *
   * @returns {boolean} Whether that is elsewhere than before.
   */
  update() {
    const before = this.top;
    this.top = this.#isPage
      ? Math.max(0, this.#covered - this.list.getBoundingClientRect().top)
      : this.viewport.scrollTop;
    return this.top !== before;
  }

  /**
   * @param {() => void} scrolled
   * @param {AbortSignal} signal
   */
  onMove(scrolled, signal) {
    for (const target of [this.viewport, document])
      target.addEventListener("scroll", scrolled, { passive: true, signal });
  }

  get #isPage() {
    return getComputedStyle(this.viewport).overflowY === "visible";
  }

  /** What sticks to the top of the page covers the list. */
  get #covered() {
    return parseFloat(getComputedStyle(this.viewport).scrollPaddingTop) || 0;
  }
}
