/**
 * Show results as a grid of cards, of which only those that can be seen exist.
 */

import { element } from "../dom.mjs";
import { phrase } from "../phrases.mjs";
import { offerButtons } from "./buttons.mjs";
import { arrange, createGap, renewCard, setReachable, standOut } from "./card.mjs";
import { fullHeight, layOut, layOutRows, pictureWidth, placeOf, scrollAfterMove, scrollToShow, step, windowAt } from "./layout.mjs";
import { follow } from "./result_pages.mjs";
import { Scroller } from "./scroller.mjs";

/** @typedef {import("../answers.mjs").Entry} Entry */
/** @typedef {import("./result_pages.mjs").ResultPages} ResultPages */
/** @typedef {import("./card.mjs").Card} Card */
/** @typedef {import("./card.mjs").Surroundings} Surroundings */

export class Grid {
  /** @type {ResultPages | undefined} */
  #results;
  /** @type {Map<number, Card>} */
  #cards = new Map();
  #layout = layOut(0, 16);
  /** How much wider than usual people want the cards, or whether in a list. */
  #look = { scale: 1, isList: false };
  #size = { width: 0, height: 0 };
  /** @type {string | undefined} The id of the card that stays where it is until somebody scrolls. */
  #anchor;
  /** The one card that Tab reaches. */
  #active = 0;
  /** @type {number | undefined} The index of the one behind the active entry, where that has left the list. */
  #gap;
  /** @type {{id: string, from: Element | null} | undefined} The entry whose card is to be seen when it comes. */
  #wanted;
  /** Whether the viewport has the focus for a card that is not here yet. */
  #isAwaited = false;
  #frame = 0;

  /**
   * @param {Surroundings} options
   * @param {AbortSignal} closing
   */
  constructor(options, closing) {
    this.options = options;
    this.list = element("ul", { class: "cards", "aria-label": phrase("Embeddings") });
    this.viewport = element("div", { class: "viewport", tabindex: -1 }, this.list);
    this.scroller = new Scroller(this.viewport, this.list);
    this.scroller.onMove(() => this.#onScroll(), closing);
    offerButtons(this.list, () => this.shown(), options, closing);
    const resize = new ResizeObserver(() => this.#onResize());
    resize.observe(this.viewport);
    closing.addEventListener("abort", () => resize.disconnect());
  }

  /** The range of cards that can be seen. */
  get range() {
    return windowAt(this.#layout, this.#results?.total ?? 0, this.scroller.top, this.#size.height);
  }

  /** The range that would be seen if there were enough cards. */
  get capacity() {
    return windowAt(this.#layout, Infinity, this.scroller.top, this.#size.height);
  }

  /**
   * Return whether newer results have a card that is in sight, by which they can keep its place.
   *
   * @param {ResultPages} results
   */
  holdsPlace(results) {
    return !this.scroller.top || this.#anchorIn(results) !== undefined;
  }

  /** The cards that exist now. */
  *shown() {
    for (const { element: card, entry } of this.#cards.values()) if (entry) yield { card, entry };
  }

  /**
   * Return the entry of the card that an element is in.
   *
   * @param {Element} part
   */
  entryOf(part) {
    return Array.from(this.shown()).find(({ card }) => card === part.closest(".card"))?.entry;
  }

  /**
   * Show other results, from their start or at the place that is in sight.
   *
   * @param {ResultPages} results
   * @param {{keepsPlace: boolean}} options
   */
  show(results, { keepsPlace }) {
    const place = keepsPlace ? this.#placeIn(results) : { active: 0, gap: undefined, scrollTop: 0, anchor: undefined };
    this.#results = results;
    this.#anchor = place.anchor;
    this.#active = Math.max(0, Math.min(place.active, results.total - 1));
    this.#gap = place.gap;
    this.list.style.height = `${fullHeight(this.#layout, results.total)}px`;
    this.scroller.moveTo(place.scrollTop);
    this.render();
    if (this.#wanted && !this.reveal(this.#wanted.id, this.#wanted.from)) this.#wanted = undefined;
  }

  /** Bring the cards up to date with the results and the scroll position. */
  render() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.#results || !this.#size.width) return;
    const { first, end } = this.range;
    const { activeElement: focused } = document;
    const isFocused = this.list.contains(focused) || (this.#isAwaited && focused === this.viewport);
    /** @type {Map<number, Card>} */
    const wanted = new Map();
    // By their entries' ids, so that they need not be built anew.
    const reusable = new Map(Array.from(this.shown(), ({ card, entry }) => [entry.id, { element: card, entry }]));
    for (let index = first; index < end; index += 1) wanted.set(index, this.#cardAt(index, reusable));
    // A card that is scrolled away with the focus on it would drop the focus.
    if (isFocused && this.#results.at(this.#active)) wanted.set(this.#active, this.#cardAt(this.#active, reusable));
    this.#cards = wanted;
    arrange(this.list, this.#cards, this.#layout, this.#results.total, this.#active);
    this.#results.want(first, end);
    if (isFocused && !this.list.contains(document.activeElement)) this.focus();
  }

  /**
   * Move the focus to the active card, as soon as it is here.
   *
   * @param {Entry} [entry] Another one whose card becomes the active one.
   */
  focus(entry) {
    const index = this.#results?.indexOf(entry?.id) ?? -1;
    if (index >= 0) this.#setActive(index);
    const main = this.#cards.get(this.#active)?.element.querySelector("button");
    this.#isAwaited = !main;
    (main ?? this.viewport).focus({ preventScroll: true });
  }

  /**
   * Bring a card into sight and focus it, now or with the results that come next.
   *
   * @param {string} id Of its entry.
   * @param {Element | null} from Where the focus was when somebody asked: who has gone elsewhere since stays there.
   * @returns {boolean} Whether it is among the results now.
   */
  reveal(id, from = document.activeElement) {
    const index = this.#results?.indexOf(id) ?? -1;
    this.#wanted = index < 0 ? { id, from } : undefined;
    if (index < 0) return false;
    this.#go(index);
    const { activeElement: now } = document;
    if (now === from || now === document.body || this.viewport.contains(now)) this.focus();
    const card = this.#cards.get(index)?.element;
    if (card) standOut(card);
    return true;
  }

  /**
   * Show cards of some size, or a list.
   *
   * @param {{scale: number, isList: boolean}} display
   */
  resize({ scale, isList }) {
    const before = this.#look;
    if (scale === before.scale && isList === before.isList) return;
    if (isList !== before.isList) this.#cards.clear();
    this.#look = { scale, isList };
    this.list.classList.toggle("rows", isList);
    if (this.#size.width) this.#layOut();
  }

  /**
   * Go from the active card to the one before or behind it.
   *
   * @param {1 | -1} way
   * @returns {Entry | undefined} None where there is no further card, or it is not here yet.
   */
  walk(way) {
    const next = this.#gap === undefined ? this.#active + way : this.#gap + Math.min(way, 0);
    const entry = this.#results?.at(next);
    if (entry) this.#go(next);
    return entry;
  }

  /**
   * Make a card the active one without moving the focus.
   *
   * @param {Element | null} card
   */
  activate(card) {
    for (const [index, { element: own }] of this.#cards) if (own === card) this.#setActive(index);
  }

  /**
   * Move from the active card to another, as a key asks for.
   *
   * @param {string} key
   * @returns {boolean} Whether the key means a move.
   */
  move(key) {
    const total = this.#results?.total ?? 0;
    const next = step(key, this.#active, this.#layout, total, this.#size.height);
    if (next === undefined || !total) return false;
    this.#go(next);
    this.focus();
    return true;
  }

  /** @param {number} index */
  #go(index) {
    this.#setActive(index);
    this.#anchor = undefined;
    this.scroller.moveTo(scrollToShow(this.#layout, index, this.scroller.top, this.#size.height));
    this.render();
  }

  /** @param {number} index */
  #setActive(index) {
    this.#active = index;
    this.#gap = undefined;
    for (const [at, { element: card }] of this.#cards) setReachable(card, at === index);
  }

  #onScroll() {
    if (this.scroller.update()) this.#anchor = undefined;
    this.#frame ||= requestAnimationFrame(() => this.render());
  }

  #onResize() {
    const [width, height] = [this.viewport.clientWidth, this.scroller.height];
    // Out of sight there is no size; back in sight everything is in its old place.
    if (!width) return;
    if (width === this.#size.width && height === this.#size.height) return this.#onScroll();
    this.#size = { width, height };
    this.scroller.update();
    this.#layOut();
  }

  /** Lay the cards out anew, and keep the first one that is seen in sight. */
  #layOut() {
    const firstSeen = this.#firstSeen;
    const { fontSize, paddingInline } = getComputedStyle(this.viewport);
    const [width, em] = [this.#size.width - 2 * parseFloat(paddingInline), parseFloat(fontSize)];
    this.#layout = this.#look.isList ? layOutRows(width, em) : layOut(width, em, this.#look.scale);
    this.list.style.height = `${fullHeight(this.#layout, this.#results?.total ?? 0)}px`;
    if (this.scroller.top) this.scroller.moveTo(placeOf(this.#layout, firstSeen).top);
    this.render();
  }

  /**
   * Find where the card in sight went, in newer results.
   *
   * @param {ResultPages} results
   */
  #placeIn(results) {
    const { top: scrollTop } = this.scroller;
    // At the very top people want to see what is new.
    const anchor = scrollTop > 0 ? this.#anchorIn(results) : undefined;
    return {
      ...follow(this.#results, results, this.#active, this.#gap),
      scrollTop: anchor ? scrollAfterMove(this.#layout, anchor.before, anchor.after, scrollTop) : scrollTop,
      anchor: anchor && results.at(anchor.after)?.id,
    };
  }

  /**
   * Find the anchor in newer results, or else the first card in sight that is in both.
   *
   * @param {ResultPages} results
   * @returns {{before: number, after: number} | undefined} Its index in both.
   */
  #anchorIn(results) {
    const kept = this.#results?.indexOf(this.#anchor) ?? -1;
    for (let before = kept < 0 ? this.#firstSeen : kept; before < this.range.end; before += 1) {
      const after = results.indexOf(this.#results?.at(before)?.id);
      if (after >= 0) return { before, after };
    }
    return undefined;
  }

  get #firstSeen() {
    return Math.ceil(this.scroller.top / this.#layout.rowStep) * this.#layout.columns;
  }

  /**
   * @param {number} index
   * @param {Map<string, Card>} reusable
   * @returns {Card}
   */
  #cardAt(index, reusable) {
    const entry = this.#results?.at(index);
    if (!entry) {
      const old = this.#cards.get(index);
      return old && !old.entry ? old : { element: createGap(), entry };
    }
    const options = { ...this.options, isList: this.#look.isList };
    return renewCard(reusable.get(entry.id), entry, pictureWidth(this.#layout, devicePixelRatio), options);
  }
}
