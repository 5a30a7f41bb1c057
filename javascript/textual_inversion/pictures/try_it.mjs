/**
 * Try embeddings: pictures of the same seeds without and with them, shown while they are painted.
 */

import { dialog, element, setAttribute, showOver, textButton } from "../dom.mjs";
import { ENDED, Jobs } from "../jobs.mjs";
import { listen } from "../live.mjs";
import { phrase, sentenceCase } from "../phrases.mjs";
import { send } from "../request.mjs";
import { MakePreviews, showSentence } from "./make_previews.mjs";
import { TrialPictures } from "./trial_pictures.mjs";

/** @typedef {import("../answers.mjs").Entry} Entry */
/** @typedef {import("../answers.mjs").Tries} Tries */
/** @typedef {import("../jobs.mjs").Job} Job */

/** @type {Record<string, string>} The kinds of embeddings. */
const KINDS = { object: phrase("Object"), style: phrase("Style"), negative: phrase("Negative prompt") };

/**
 * @typedef {object} Owner
 * @property {HTMLElement} home The tab.
 * @property {(id: string) => Promise<{kind: string}>} inside Returns the kind of an embedding.
 * @property {(entry: Entry, picture: Blob) => Promise<void>} keep Makes a picture the preview of an embedding.
 * @property {(entries: Entry[]) => void} closed Called with those that were tried.
 */

export class TryIt {
  /** @type {Entry[]} */
  #entries = [];
  /** @type {Job | undefined} The shown one. */
  #job;
  /** @type {Set<string>} Earlier ones. */
  #past = new Set();
  /** @type {Set<string>} Those begun here, before they say for which embeddings. */
  #begun = new Set();
  #stopListening = () => {};
  #kind = element("select", {}, ...Object.entries(KINDS).map(([value, title]) => element("option", { value }, title)));
  #prompt = element("textarea", { rows: 2 });
  #negative = element("textarea", { rows: 2 });
  #seeds = numbersInput("1, 2, 3, 4");
  #weights = numbersInput("0, 1");
  #steps = element("input", { type: "text", inputmode: "numeric", value: "20" });
  #side = element("input", { type: "text", inputmode: "numeric", placeholder: phrase("Model's own") });
  #submit = element("button", { type: "submit", class: "plain main-action" }, phrase("Try"));
  #problem = element("p", { class: "problem", role: "alert", hidden: true });
  #bar = element("progress", { "aria-label": phrase("Progress") });
  #sentence = element("p", { role: "status" });
  #stop = textButton("", phrase("Stop, and keep these"));
  #cancel = textButton("", phrase("Cancel"));

  /**
   * @param {string} base
   * @param {Tries} tries
   * @param {Owner} owner
   */
  constructor(base, tries, owner) {
    this.base = base;
    this.tries = tries;
    this.owner = owner;
    this.jobs = new Jobs(base);
    this.previews = new MakePreviews(base);
    this.pictures = new TrialPictures({
      addressOf: (n) => this.jobs.picture(this.#job?.id ?? "", n),
      entryOf: (id) => this.#entries.find((entry) => entry.id === id),
      keep: owner.keep,
    });
    this.form = this.#buildForm();
    const buttons = element("div", { class: "buttons" }, this.#stop, this.#cancel);
    this.state = element("div", { class: "painting", hidden: true }, this.#sentence, this.#bar, buttons);
    const parts = [this.form, this.#problem, this.state, this.pictures.root, this.previews.root];
    this.root = dialog(phrase("Try it"), "try-it", ...parts);
    this.#addListeners();
  }

  /**
   * Show the dialog for some embeddings.
   *
   * @param {Entry[]} entries
   */
  async open(entries) {
    const areOthers = idsOf(entries) !== idsOf(this.#entries);
    if (areOthers) this.#forget();
    this.#entries = entries;
    const title = phrase("Try {names}", { names: entries.map(({ name }) => name).join(", ") });
    const heading = this.root.querySelector("h2");
    if (heading) heading.textContent = title;
    this.root.setAttribute("aria-label", title);
    this.#fail(this.tries.missing ?? "");
    this.#submit.disabled = this.tries.missing !== null;
    showOver(this.root, this.owner.home);
    this.#submit.focus();
    const job = (/** @type {Job} */ job) => this.#onJob(job);
    this.#stopListening = listen(`${this.base}/events`, { changed: () => {}, connection: () => {}, job });
    const { kind } = await this.owner.inside(entries[0].id).catch(() => ({ kind: "object" }));
    if (areOthers) this.#choose(kind);
  }

  #buildForm() {
    const more = element(
      "details",
      {},
      element("summary", {}, phrase("More")),
      element("div", { class: "fields" }, field(phrase("Weights; 0 leaves it out"), this.#weights), field(phrase("Steps"), this.#steps), field(phrase("Size"), this.#side)),
    );
    return element(
      "form",
      { class: "trial" },
      element("div", { class: "fields" }, field(phrase("What it is for"), this.#kind), field(phrase("Seeds"), this.#seeds)),
      field(phrase("Prompt, with {name} for its name"), this.#prompt),
      field(phrase("Negative prompt"), this.#negative),
      more,
      this.#submit,
    );
  }

  #addListeners() {
    this.#kind.addEventListener("change", () => this.#choose(this.#kind.value));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
    this.#stop.addEventListener("click", () => this.#job && this.#attempt(() => this.jobs.signal(this.#job?.id ?? "", "stop")));
    this.#cancel.addEventListener("click", () => this.#job && this.#attempt(() => this.jobs.cancel(this.#job?.id ?? "")));
    this.root.addEventListener("click", ({ target }) => target === this.root && this.root.close());
    this.root.addEventListener("close", () => {
      this.#stopListening();
      this.pictures.close();
      this.owner.closed(this.#entries);
    });
  }

  /** @param {string} kind Its usual prompts are filled in. */
  #choose(kind) {
    this.#kind.value = kind;
    [this.#prompt.value, this.#negative.value] = this.tries.prompts[kind];
  }

  async #begin() {
    const side = this.#side.value.trim();
    await this.#attempt(() =>
      send("POST", `${this.base}/try`, {
        ids: this.#entries.map(({ id }) => id),
        kind: this.#kind.value,
        prompt: this.#prompt.value,
        negative: this.#negative.value,
        seeds: numbersIn(this.#seeds),
        weights: numbersIn(this.#weights),
        steps: Number(this.#steps.value),
        side: side ? Number(side) : null,
      }),
    );
  }

  /** @param {() => Promise<Job>} work */
  async #attempt(work) {
    try {
      this.#fail("");
      const job = await work();
      this.#begun.add(job.id);
      this.#onJob(job);
    } catch (error) {
      this.#fail(/** @type {Error} */ (error).message);
    }
  }

  /** @param {string} problem */
  #fail(problem) {
    this.#problem.textContent = sentenceCase(problem);
    this.#problem.hidden = !problem;
  }

  #forget() {
    this.#job = undefined;
    this.#begun.clear();
    this.state.hidden = true;
    this.pictures.show(undefined);
  }

  /**
   * Show the state of a job, if it is for these embeddings and the newest one.
   *
   * @param {Job} job
   */
  #onJob(job) {
    this.previews.onJob(job);
    const { ids } = job.result ?? job.so_far;
    const isOurs = job.kind === "try" && (ids ? ids.join() === idsOf(this.#entries) : this.#begun.has(job.id));
    const known = this.#job;
    if (known?.id === job.id ? known.revision > job.revision : !isOurs || this.#past.has(job.id)) return;
    if (known && known.id !== job.id) {
      this.#past.add(known.id);
      this.pictures.close();
    }
    this.#job = job;
    this.#show(job);
  }

  /** @param {Job} job */
  #show(job) {
    const { state, done, total, reason, so_far, result } = job;
    const isOver = ENDED.includes(state);
    this.state.hidden = false;
    this.#bar.hidden = this.#stop.hidden = this.#cancel.hidden = isOver;
    this.#submit.disabled = !isOver;
    if (total) [this.#bar.max, this.#bar.value] = [total, done];
    else this.#bar.removeAttribute("value");
    this.#stop.hidden ||= !so_far.pictures?.length;
    setAttribute(this.state, "data-state", state);
    showSentence(this.#sentence, sentenceCase(reason ?? sentenceOf(job)));
    this.pictures.show(result ?? so_far);
  }
}

/** @param {Job} job */
function sentenceOf({ state, so_far, result }) {
  const { model, waits } = result ?? so_far;
  if (state === "waiting") return phrase("Waiting for its turn …");
  if (state === "cancelled") return phrase("Cancelled");
  if (state === "working" && !model) return phrase("Loading the model …");
  if (state === "working" && waits) return phrase("Waiting for the WebUI to finish its pictures …");
  return phrase("Painted with {model}", { model });
}

/** @param {Entry[]} entries */
function idsOf(entries) {
  return entries.map(({ id }) => id).join();
}

/**
 * @param {string} label
 * @param {HTMLElement} input
 */
function field(label, input) {
  return element("label", { class: "field" }, label, input);
}

/** @param {string} value Numbers between commas. */
function numbersInput(value) {
  return element("input", { type: "text", value, spellcheck: "false" });
}

/** @param {HTMLInputElement} input */
function numbersIn({ value }) {
  return value.split(/[\s,]+/).filter(Boolean).map(Number);
}
