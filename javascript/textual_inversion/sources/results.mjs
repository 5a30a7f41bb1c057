/**
 * Search sites for embeddings, and show the results as cards.
 */

import { badgeOf, element, setAttribute, textButton } from "../dom.mjs";
import { sentenceCase } from "../phrases.mjs";
import { hue, initials } from "../words.mjs";
import { WORDS } from "./site_words.mjs";

/** @typedef {import("../answers.mjs").Host} Host */
/** @typedef {import("./sites.mjs").Job} Job */
/** @typedef {import("./sites.mjs").Offer} Offer */

export class Results {
  #text = element("input", { type: "search", "aria-label": WORDS.search, autocomplete: "off", enterkeyhint: "search" });
  #sources = element("div", { class: "targets", role: "group", "aria-label": WORDS.where });
  #family = element("select", { "aria-label": WORDS.family });
  #sort = element("select", { "aria-label": WORDS.sort });
  #mature = element("input", { type: "checkbox" });
  #byToken = element("input", { type: "checkbox" });
  #status = element("p", { class: "summary", role: "status" });
  #list = element("ul", { class: "offers-found", "aria-label": WORDS.results });
  #more = textButton("", WORDS.more, { hidden: true });
  #source;
  /** @type {string | null} */
  #cursor = null;
  /** Rises with every search; an answer to an older one is dropped. */
  #turn = 0;
  /** @type {Map<string, Card>} By the reference of an offer. */
  #cards = new Map();

  /**
   * @param {import("./sites.mjs").Sites} sites
   * @param {Host} host
   * @param {(reference: string, byToken: boolean) => Promise<Job | undefined>} get Downloads an offer.
   */
  constructor(sites, host, get) {
    this.sites = sites;
    this.host = host;
    this.get = get;
    this.#source = host.searchable[0];
    const submit = element("button", { type: "submit", class: "plain" }, WORDS.search);
    const choices = element(
      "div",
      { class: "search-choices" },
      this.#sources,
      this.#family,
      this.#sort,
      element("label", { class: "choice", "data-for": "families" }, this.#mature, WORDS.mature),
      element("label", { class: "choice", "data-for": "concepts" }, this.#byToken, WORDS.byToken),
    );
    const form = element("form", { class: "search-sites" }, this.#text, submit, choices);
    this.root = element("section", { class: "found", "aria-label": WORDS.search }, form, this.#status, this.#list, this.#more);
    for (const { key, title } of host.searchable)
      this.#sources.append(element("button", { type: "button", "data-value": key }, title));
    const families = host.families.map(({ key, title }) => element("option", { value: key }, WORDS.forFamily(title)));
    this.#family.append(element("option", { value: "" }, WORDS.anyFamily), ...families);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.search();
    });
    this.#sources.addEventListener("click", ({ target }) => this.#choose(/** @type {HTMLElement} */ (target).dataset.value));
    for (const select of [this.#family, this.#sort, this.#mature]) select.addEventListener("change", () => this.search());
    this.#more.addEventListener("click", () => this.#ask(this.#cursor ?? ""));
    this.#showChoices();
    this.#status.textContent = WORDS.choose;
  }

  /** Search for the typed text, from the first page. */
  async search() {
    this.#turn += 1;
    this.#cards.clear();
    this.#list.replaceChildren();
    return this.#ask("");
  }

  /**
   * Search one site after another until something is found.
   *
   * @param {string} text
   */
  async find(text) {
    this.#text.value = text;
    for (const source of [...this.host.searchable].reverse()) {
      this.#source = source;
      this.#showChoices();
      if (await this.search()) return;
    }
  }

  /**
   * Show the progress of a download.
   *
   * @param {Job} job
   */
  update(job) {
    for (const card of this.#cards.values()) if (card.jobId === job.id) card.update(job);
  }

  /** @param {string | undefined} key */
  #choose(key) {
    const source = this.host.searchable.find((each) => each.key === key);
    if (!source) return;
    this.#source = source;
    this.#showChoices();
    this.search();
  }

  #showChoices() {
    const { key, sorts, families } = this.#source;
    for (const button of this.#sources.querySelectorAll("button"))
      setAttribute(button, "aria-pressed", String(button.dataset.value === key));
    this.#sort.replaceChildren(...sorts.map((sort) => element("option", { value: sort }, sentenceCase(sort))));
    this.#family.hidden = !families;
    for (const choice of this.root.querySelectorAll("label[data-for]"))
      setAttribute(choice, "hidden", (choice.getAttribute("data-for") === "families") !== families);
    this.#text.placeholder = WORDS.searchIn(this.#source.title);
  }

  /**
   * @param {string} cursor
   * @returns {Promise<number>} How many were found.
   */
  async #ask(cursor) {
    const turn = this.#turn;
    const { key, families } = this.#source;
    this.#more.hidden = true;
    this.#status.textContent = WORDS.searching;
    const query = { source: key, text: this.#text.value.trim(), family: families ? this.#family.value : "" };
    try {
      const { found, cursor: following } = await this.sites.search({
        ...query,
        sort: this.#sort.value,
        cursor,
        general: !(families && this.#mature.checked),
      });
      if (turn !== this.#turn) return found.length;
      this.#show(found);
      this.#cursor = following;
      this.#more.hidden = !following;
      this.#status.textContent = this.#cards.size ? "" : WORDS.nothing(query.text, this.#source.title);
      return found.length;
    } catch (error) {
      if (turn === this.#turn) this.#status.textContent = sentenceCase(/** @type {Error} */ (error).message);
      return 0;
    }
  }

  /** @param {Offer[]} found */
  #show(found) {
    for (const offer of found) {
      const card = new Card(offer, this.host, this.sites, () => this.get(offer.reference, this.#byToken.checked));
      this.#cards.set(offer.reference, card);
      this.#list.append(card.root);
    }
  }
}

class Card {
  /** @type {string | undefined} Of the job that downloads it. */
  jobId;
  #button = textButton("", WORDS.get);
  #bar = element("progress", { "aria-label": WORDS.progress, hidden: true });

  /**
   * @param {Offer} offer
   * @param {Host} host
   * @param {import("./sites.mjs").Sites} sites
   * @param {() => Promise<Job | undefined>} get
   */
  constructor(offer, host, sites, get) {
    const { title, author, base_model, families, page } = offer;
    const kinds = element("span", { class: "kinds" }, ...badgeOf(host, families));
    if (base_model && !families.length) kinds.append(element("span", { class: "badge" }, base_model));
    const link = element("a", { href: page, target: "_blank", rel: "noopener noreferrer", title: WORDS.page(offer.source) }, title);
    this.#button.setAttribute("aria-label", WORDS.getIt(title));
    this.root = element(
      "li",
      { class: "offer" },
      pictureOf(offer, sites, kinds),
      element("h3", { dir: "auto" }, link),
      element("p", { class: "by" }, kinds, author ? WORDS.by(author) : ""),
      this.#bar,
      this.#button,
    );
    this.#button.addEventListener("click", async () => {
      this.#button.disabled = true;
      const job = await get();
      if (!job) this.#button.disabled = false;
      else {
        this.jobId = job.id;
        this.update(job);
      }
    });
  }

  /** @param {Job} job */
  update({ state, done, total }) {
    this.#bar.hidden = state !== "working" && state !== "waiting";
    if (total) [this.#bar.max, this.#bar.value] = [total, done];
    this.#button.disabled = state !== "failed" && state !== "cancelled";
    this.#button.textContent = WORDS.states[state];
    this.root.dataset.state = state;
  }
}

/**
 * @param {Offer} offer
 * @param {import("./sites.mjs").Sites} sites
 * @param {HTMLElement} kinds The place for a concept's kind, once the card can be seen.
 */
function pictureOf({ word, title, general, picture }, sites, kinds) {
  const shown = element("div", { class: "picture", "data-initials": initials(title), style: `--hue: ${hue(title)}` });
  if (!picture) return shown;
  const image = element("img", { src: sites.picture(word), loading: "lazy", alt: "" });
  image.addEventListener("error", () => image.remove());
  if (!kinds.childElementCount)
    image.addEventListener("load", async () => {
      const kind = await sites.kind(word).catch(() => null);
      if (kind) kinds.append(element("span", { class: "badge" }, WORDS.kinds[kind] ?? kind));
    });
  shown.append(image);
  if (general) return shown;
  const reveal = textButton("", WORDS.reveal);
  shown.classList.add("veiled");
  shown.append(reveal);
  reveal.addEventListener("click", () => {
    shown.classList.remove("veiled");
    reveal.remove();
  });
  return shown;
}
