/**
 * Show a listing as a grid of cards, of which only those that can be seen exist.
 */

import { element } from "../elements.mjs";
import { createCard, createGap, setReachable } from "./card.mjs";
import { fullHeight, layOut, placeOf, scrollAfterMove, scrollToShow, step, windowAt } from "./layout.mjs";

/** @typedef {import("../api.mjs").Entry} Entry */
/** @typedef {import("./result_pages.mjs").Listing} Listing */
/** @typedef {{element: HTMLLIElement, entry: Entry | undefined}} Card */

/**
 * @typedef {object} Options
 * @property {(entry: Entry, width: number) => string | null} picture The address of a preview.
 * @property {(card: HTMLLIElement, entry: Entry) => void} decorate Called for every new card.
 * @property {boolean} hasEditor Whether the page has an editor for what lies beside a file.
 */

const PICTURE_STEP = 128;

export class Grid {
  /** @type {Listing | undefined} */
  #listing;
  /** @type {Map<number, Card>} */
  #cards = new Map();
  #layout = layOut(0, 16);
  #size = { width: 0, height: 0 };
  /** Kept here, because the browser lays out the whole page to answer. */
  #scrollTop = 0;
  /** @type {string | undefined} The id of the card that stays where it is until somebody scrolls. */
  #anchor;
  /** The one card that Tab reaches. */
  #active = 0;
  #frame = 0;

  /**
   * @param {Options} options
   * @param {AbortSignal} closing
   */
  constructor(options, closing) {
    this.options = options;
    this.list = element("ul", { class: "cards", "aria-label": "Embeddings" });
    this.viewport = element("div", { class: "viewport", tabindex: -1 }, this.list);
    this.viewport.addEventListener("scroll", () => this.#noticeScroll(), { passive: true, signal: closing });
    const resize = new ResizeObserver(() => this.#resize());
    resize.observe(this.viewport);
    closing.addEventListener("abort", () => resize.disconnect());
  }

  /** The range of cards that can be seen. */
  get range() {
    return windowAt(this.#layout, this.#listing?.total ?? 0, this.#scrollTop, this.#size.height);
  }

  /** The range that would be seen if there were enough cards. */
  get capacity() {
    return windowAt(this.#layout, Infinity, this.#scrollTop, this.#size.height);
  }

  /**
   * Tell whether a newer listing has a card that is in sight, by which it can keep its place.
   *
   * @param {Listing} listing
   */
  holdsPlace(listing) {
    return !this.#scrollTop || this.#anchorIn(listing) !== undefined;
  }

  /** The cards that exist now, with their entries. */
  *shown() {
    for (const { element: card, entry } of this.#cards.values()) {
      if (entry) yield { card, entry };
    }
  }

  /**
   * Show another listing, from its start or where the old one is being looked at.
   *
   * @param {Listing} listing
   * @param {{keepsPlace: boolean}} options
   */
  show(listing, { keepsPlace }) {
    const place = keepsPlace ? this.#placeIn(listing) : { active: 0, scrollTop: 0, anchor: undefined };
    this.#listing = listing;
    this.#anchor = place.anchor;
    this.#active = Math.max(0, Math.min(place.active, listing.total - 1));
    this.list.style.height = `${fullHeight(this.#layout, listing.total)}px`;
    this.#scrollTo(place.scrollTop);
    this.render();
  }

  /** Bring the cards up to date with the listing and the scroll position. */
  render() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.#listing || !this.#size.width) return;
    const { first, end } = this.range;
    const isFocused = this.list.contains(document.activeElement);
    /** @type {Map<number, Card>} */
    const wanted = new Map();
    const reusable = this.#takeReusable();
    for (let index = first; index < end; index += 1) wanted.set(index, this.#cardAt(index, reusable));
    // A card that is scrolled away with the focus on it would drop the focus.
    if (isFocused && this.#listing.at(this.#active)) wanted.set(this.#active, this.#cardAt(this.#active, reusable));
    this.#cards = wanted;
    this.#arrange();
    this.#listing.want(first, end);
    if (isFocused && !this.list.contains(document.activeElement)) this.focus();
  }

  /** Move the focus to the active card. */
  focus() {
    const main = this.#cards.get(this.#active)?.element.querySelector("button");
    (main ?? this.viewport).focus({ preventScroll: true });
  }

  /**
   * Make a card the active one without moving the focus.
   *
   * @param {Element | null} card
   */
  activate(card) {
    for (const [index, { element: own }] of this.#cards) {
      if (own === card) this.#setActive(index);
    }
  }

  /**
   * Follow a key from the active card to another.
   *
   * @param {string} key
   * @returns {boolean} Whether it is a key that leads somewhere.
   */
  follow(key) {
    const total = this.#listing?.total ?? 0;
    const next = step(key, this.#active, this.#layout, total, this.#size.height);
    if (next === undefined || !total) return false;
    this.#setActive(next);
    this.#anchor = undefined;
    this.#scrollTo(scrollToShow(this.#layout, next, this.#scrollTop, this.#size.height));
    this.render();
    this.focus();
    return true;
  }

  /** @param {number} index */
  #setActive(index) {
    const old = this.#cards.get(this.#active)?.element;
    if (old) setReachable(old, false);
    this.#active = index;
    const card = this.#cards.get(index)?.element;
    if (card) setReachable(card, true);
  }

  /** Follow somebody who scrolls. */
  #noticeScroll() {
    const { scrollTop } = this.viewport;
    if (scrollTop !== this.#scrollTop) this.#anchor = undefined;
    this.#scrollTop = scrollTop;
    this.#frame ||= requestAnimationFrame(() => this.render());
  }

  /** @param {number} top */
  #scrollTo(top) {
    if (!top && !this.#scrollTop) return;
    this.viewport.scrollTop = top;
    this.#scrollTop = this.viewport.scrollTop; // No further than the list is long.
  }

  #resize() {
    const { clientWidth: width, clientHeight: height, scrollTop } = this.viewport;
    // Out of sight there is no size; back in sight everything is in its old place.
    if (!width) return;
    if (width === this.#size.width && height === this.#size.height) {
      this.#noticeScroll();
      return;
    }
    const firstSeen = Math.ceil(scrollTop / this.#layout.rowStep) * this.#layout.columns;
    this.#size = { width, height };
    this.#layout = layOut(width, parseFloat(getComputedStyle(this.viewport).fontSize));
    this.list.style.height = `${fullHeight(this.#layout, this.#listing?.total ?? 0)}px`;
    this.#scrollTop = scrollTop;
    if (scrollTop) this.#scrollTo(placeOf(this.#layout, firstSeen).top);
    this.render();
  }

  /**
   * Find where the card that is being looked at went, in a newer listing.
   *
   * @param {Listing} listing
   */
  #placeIn(listing) {
    const scrollTop = this.#scrollTop;
    const active = listing.indexOf(this.#listing?.at(this.#active)?.id);
    // At the very top people want to see what is new.
    const anchor = scrollTop > 0 ? this.#anchorIn(listing) : undefined;
    return {
      active: active >= 0 ? active : this.#active,
      scrollTop: anchor ? scrollAfterMove(this.#layout, anchor.before, anchor.after, scrollTop) : scrollTop,
      anchor: anchor && listing.at(anchor.after)?.id,
    };
  }

  /**
   * Find the anchor in a newer listing, or else the first card in sight that is in both.
   *
   * @param {Listing} listing
   * @returns {{before: number, after: number} | undefined} Its index in either listing.
   */
  #anchorIn(listing) {
    const { columns, rowStep } = this.#layout;
    const firstSeen = Math.ceil(this.#scrollTop / rowStep) * columns;
    const kept = this.#listing?.indexOf(this.#anchor) ?? -1;
    for (let before = kept < 0 ? firstSeen : kept; before < this.range.end; before += 1) {
      const after = listing.indexOf(this.#listing?.at(before)?.id);
      if (after >= 0) return { before, after };
    }
    return undefined;
  }

  /** Return the cards that exist by their entries' ids, so that they need not be built anew. */
  #takeReusable() {
    return new Map(Array.from(this.shown(), ({ card, entry }) => [entry.id, { element: card, entry }]));
  }

  /**
   * @param {number} index
   * @param {Map<string, Card>} reusable
   * @returns {Card}
   */
  #cardAt(index, reusable) {
    const entry = this.#listing?.at(index);
    if (!entry) {
      const old = this.#cards.get(index);
      return old && !old.entry ? old : { element: createGap(), entry };
    }
    const old = reusable.get(entry.id);
    if (old && (old.entry === entry || JSON.stringify(old.entry) === JSON.stringify(entry))) {
      return { element: old.element, entry };
    }
    const { picture, decorate, hasEditor } = this.options;
    const card = createCard(entry, picture(entry, this.#pictureWidth()), hasEditor);
    decorate(card, entry);
    return { element: card, entry };
  }

  /** Put the cards in their places, and nothing else into the list. */
  #arrange() {
    const inOrder = Array.from(this.#cards).sort(([a], [b]) => a - b);
    const total = this.#listing?.total ?? 0;
    const kept = new Set(inOrder.map(([, { element: card }]) => card));
    for (const child of Array.from(this.list.children)) {
      if (!kept.has(/** @type {HTMLLIElement} */ (child))) child.remove();
    }
    inOrder.forEach(([index, { element: card, entry }], position) => {
      const { left, top } = placeOf(this.#layout, index);
      card.style.width = `${this.#layout.cardWidth}px`;
      card.style.height = `${this.#layout.cardHeight}px`;
      card.style.transform = `translate(${left}px, ${top}px)`;
      card.setAttribute("aria-posinset", String(index + 1));
      card.setAttribute("aria-setsize", String(total));
      if (entry) setReachable(card, index === this.#active);
      const there = this.list.children[position];
      if (there !== card) this.list.insertBefore(card, there ?? null);
    });
  }

  #pictureWidth() {
    const pixels = this.#layout.cardWidth * devicePixelRatio;
    return Math.min(1024, Math.ceil(pixels / PICTURE_STEP) * PICTURE_STEP);
  }
}
