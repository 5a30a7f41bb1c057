/**
 * Show the progress of a word: the loss, pictures of the word, and buttons.
 */

import { element, setAttribute, textButton } from "../dom.mjs";
import { ENDED } from "../jobs.mjs";
import { sentenceCase } from "../phrases.mjs";
import { LEARN as WORDS } from "./learn_words.mjs";

/** @typedef {import("../jobs.mjs").Job} Job */
/** @typedef {import("./lessons.mjs").Look} Look */
/** @typedef {import("./lessons.mjs").Sample} Sample */
/** @typedef {import("./lessons.mjs").SoFar} SoFar */

const SVG = "http://www.w3.org/2000/svg";
/** The curve's size in its own units, and the margin around it. */
const [WIDTH, HEIGHT, MARGIN] = [400, 72, 6];

/**
 * @typedef {object} Owner
 * @property {(id: string, name: string) => void} shown Called when somebody wants to see a card.
 * @property {() => void} again Called when somebody wants to learn another word.
 */

export class LearningRun {
  /** @type {Job | undefined} */
  job;
  #title = element("h3", { dir: "auto" });
  #bar = element("progress", { "aria-label": WORDS.progress });
  #state = element("p", { role: "status" });
  #curve = element("figure", { class: "curve" });
  #samples = element("ol", { class: "samples", "aria-label": WORDS.samples });
  #stop = textButton("", WORDS.stop, { class: "plain main-action" });
  #pause = textButton("", WORDS.pause);
  #cancel = textButton("", WORDS.cancel);
  #showCard = textButton("", WORDS.showCard, { class: "plain main-action" });
  #again = textButton("", WORDS.again);

  /**
   * @param {import("../jobs.mjs").Jobs} jobs
   * @param {Owner} owner
   */
  constructor(jobs, owner) {
    this.jobs = jobs;
    const buttons = element("div", { class: "buttons" }, this.#stop, this.#pause, this.#cancel, this.#showCard, this.#again);
    this.root = element("section", { class: "run", hidden: true }, this.#title, this.#bar, this.#state, this.#curve, this.#samples, buttons);
    this.#stop.addEventListener("click", () => this.#ask((id) => jobs.signal(id, "stop")));
    this.#pause.addEventListener("click", () => {
      const isPaused = this.job?.state === "asking";
      this.#ask((id) => (isPaused ? jobs.answer(id, { go_on: true }) : jobs.signal(id, "pause")));
    });
    this.#cancel.addEventListener("click", () => this.#ask((id) => jobs.cancel(id)));
    this.#again.addEventListener("click", () => owner.again());
    this.#showCard.addEventListener("click", () => {
      const { id, name } = this.job?.result ?? {};
      if (id) owner.shown(id, name);
    });
  }

  /** @returns {boolean} Whether a word is being learned. */
  get isGoingOn() {
    return this.job !== undefined && !ENDED.includes(this.job.state);
  }

  /**
   * Show a job, unless a later state is known: events may overtake answers.
   *
   * @param {Job} job
   */
  show(job) {
    if (this.job?.id === job.id && this.job.revision > job.revision) return;
    if (this.job?.id !== job.id) this.#samples.replaceChildren();
    this.job = job;
    const { state, title, done, total, result } = job;
    const { looks = [], samples = [] } = /** @type {Partial<SoFar>} */ (result ?? job.so_far);
    this.root.hidden = false;
    this.root.dataset.state = state;
    this.#title.textContent = state === "done" ? WORDS.learned(title) : WORDS.learning(title);
    this.#bar.hidden = !this.isGoingOn;
    if (total && done) [this.#bar.max, this.#bar.value] = [total, done];
    else this.#bar.removeAttribute("value");
    const sentence = sentenceCase(WORDS.state(job));
    if (this.#state.textContent !== sentence) this.#state.textContent = sentence;
    if (looks.length > 1) this.#curve.replaceChildren(...curveOf(looks));
    this.#curve.hidden = looks.length < 2;
    for (const sample of samples.slice(this.#samples.children.length)) this.#samples.append(this.#figure(job.id, sample));
    this.#stop.hidden = state !== "working" || looks.length < 2;
    this.#pause.hidden = !["working", "asking"].includes(state);
    this.#pause.textContent = state === "asking" ? WORDS.goOn : WORDS.pause;
    this.#cancel.hidden = !this.isGoingOn;
    this.#showCard.hidden = !result?.id;
    this.#again.hidden = this.isGoingOn;
    for (const button of [this.#stop, this.#pause, this.#cancel]) button.disabled = false;
  }

  /** Show nothing. */
  clear() {
    this.job = undefined;
    this.root.hidden = true;
  }

  /**
   * @param {string} id
   * @param {Sample} sample
   */
  #figure(id, { label, picture }) {
    const title = WORDS.sample(label);
    const image = element("img", { src: this.jobs.picture(id, picture), alt: title });
    return element("li", {}, image, element("span", {}, title));
  }

  /** @param {(id: string) => Promise<Job>} ask */
  async #ask(ask) {
    const id = this.job?.id;
    if (!id) return;
    for (const button of [this.#stop, this.#pause, this.#cancel]) button.disabled = true;
    this.show(await ask(id).catch(() => /** @type {Job} */ (this.job)));
  }
}

/**
 * Return the points of a curve, and the best of its looks.
 *
 * @param {Look[]} looks At least two.
 * @returns {{points: [number, number][], best: number}} In the curve's own units, and the index of the best.
 */
export function placesOf(looks) {
  const losses = looks.map(([, loss]) => loss);
  const [least, most, last] = [Math.min(...losses), Math.max(...losses), looks[looks.length - 1][0]];
  const points = looks.map(([step, loss]) => {
    const x = MARGIN + (step / last) * (WIDTH - 2 * MARGIN);
    const y = MARGIN + ((most - loss) / (most - least || 1)) * (HEIGHT - 2 * MARGIN);
    return /** @type {[number, number]} */ ([x, y]);
  });
  return { points, best: losses.indexOf(least) };
}

/** @param {Look[]} looks */
function curveOf(looks) {
  const { points, best } = placesOf(looks);
  const [step, loss] = looks[best];
  const sentence = WORDS.curve(looks[0][1], { step, loss });
  const [cx, cy] = points[best];
  const picture = svg(
    "svg",
    { "viewBox": `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": sentence },
    svg("polyline", { points: points.map((point) => point.join(",")).join(" ") }),
    svg("circle", { cx, cy, r: 4 }),
  );
  return [picture, element("figcaption", {}, sentence)];
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...Node} children
 */
function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...children);
  return made;
}
