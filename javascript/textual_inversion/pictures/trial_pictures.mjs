/**
 * Show pictures without and with embeddings, a row for each seed, and one of them large.
 */

import { element, setAttribute, textButton } from "../dom.mjs";
import { phrase } from "../phrases.mjs";

/** @typedef {import("../answers.mjs").Entry} Entry */

/**
 * @typedef {object} Trial A job's results so far.
 * @property {{label: string, id: string | null}[]} [columns]
 * @property {number[]} [seeds]
 * @property {{n: number, infotext: string}[]} [pictures] Row by row, as far as they are done.
 * @property {number | null} [live] The number of the picture that is being painted.
 */

/**
 * @typedef {object} Owner
 * @property {(n: number) => string} addressOf
 * @property {(id: string | null) => Entry | undefined} entryOf
 * @property {(entry: Entry, picture: Blob) => Promise<void>} keep
 */

/** Pictures that are narrower than this show their pixels sharply. */
const SMALL = 128;

export class TrialPictures {
  /** @type {Trial} */
  #trial = {};
  /** The shown trial, as JSON. */
  #shown = "";
  #grid = element("div", { class: "tried", role: "group", "aria-label": phrase("Pictures") });
  #picture = element("img", { alt: "" });
  #infotext = element("pre");
  #keep = textButton("", "");
  #download = element("a", { class: "plain", download: true }, phrase("Download"));
  #large = element("figure", { class: "tried-large", hidden: true });
  /** @type {Entry | undefined} Of the large picture. */
  #entry;

  /** @param {Owner} owner */
  constructor(owner) {
    this.owner = owner;
    const back = textButton("", phrase("Back to all"));
    const buttons = element("div", { class: "buttons" }, this.#keep, this.#download, back);
    this.#large.append(this.#picture, element("figcaption", {}, buttons, this.#infotext));
    this.root = element("div", {}, this.#large, this.#grid);
    this.#picture.addEventListener("load", () => showPixels(this.#picture));
    back.addEventListener("click", () => this.close());
    this.#keep.addEventListener("click", () => this.#keepIt());
  }

  /** @param {Trial | undefined} trial */
  show(trial = {}) {
    const asJson = JSON.stringify(trial);
    if (asJson === this.#shown) return;
    this.#shown = asJson;
    this.#trial = trial;
    const { seeds = [], pictures = [], live = null } = trial;
    const columns = this.#columns;
    if (!pictures.length) this.close();
    this.#grid.style.setProperty("--columns", String(columns.length));
    const heads = columns.map(({ label }) => element("b", { dir: "auto" }, label));
    const cells = seeds.flatMap((seed, row) =>
      columns.map(({ label }, column) => this.#cell(row * columns.length + column, phrase("{label}, seed {seed}", { label, seed }), live)),
    );
    this.#grid.replaceChildren(...heads, ...cells);
    this.#grid.hidden = !columns.length || !this.#large.hidden;
  }

  /** The ways to paint each seed; the one that uses no embedding in the reader's language. */
  get #columns() {
    const { columns = [] } = this.#trial;
    return columns.map(({ label, id }) => ({ label: id === null ? phrase("without") : label, id }));
  }

  /** Show all pictures again. */
  close() {
    if (this.#large.hidden) return;
    this.#large.hidden = true;
    this.#grid.hidden = false;
    this.#grid.querySelector("button")?.focus();
  }

  /**
   * @param {number} place
   * @param {string} label
   * @param {number | null} live
   */
  #cell(place, label, live) {
    const done = this.#trial.pictures ?? [];
    const n = done[place]?.n ?? (place === done.length ? live : null);
    if (n === null) return element("div", { class: "blank", role: "img", "aria-label": phrase("{label}, not painted yet", { label }) });
    const isDone = place < done.length;
    const picture = element("img", { alt: label, src: this.owner.addressOf(n) });
    picture.addEventListener("load", () => showPixels(picture));
    if (!isDone) return element("div", { class: "live" }, picture);
    const button = element("button", { type: "button", title: phrase("{label}: enlarge it", { label }) }, picture);
    button.addEventListener("click", () => this.#enlarge(place));
    return button;
  }

  /** @param {number} place */
  #enlarge(place) {
    const { seeds = [], pictures = [] } = this.#trial;
    const columns = this.#columns;
    const { label, id } = columns[place % columns.length];
    const seed = seeds[Math.floor(place / columns.length)];
    const { n, infotext } = pictures[place];
    this.#entry = this.owner.entryOf(id);
    this.#picture.src = this.#download.href = this.owner.addressOf(n);
    this.#picture.alt = phrase("{label}, seed {seed}", { label, seed });
    this.#download.download = `${label} ${seed}.png`;
    this.#infotext.textContent = infotext;
    this.#keep.textContent = this.#entry?.preview ? phrase("Replace its preview") : phrase("Keep as preview");
    this.#keep.hidden = !this.#entry;
    this.#large.hidden = false;
    this.#grid.hidden = true;
    this.#large.scrollIntoView({ block: "nearest" });
    (this.#entry ? this.#keep : this.#download).focus();
  }

  async #keepIt() {
    const picture = await fetch(this.#picture.src).then((response) => response.blob());
    if (this.#entry) await this.owner.keep(this.#entry, picture);
    this.#keep.hidden = true;
    this.#download.focus();
  }
}

/** @param {HTMLImageElement} picture */
function showPixels(picture) {
  setAttribute(picture, "data-pixels", picture.naturalWidth < SMALL);
}
