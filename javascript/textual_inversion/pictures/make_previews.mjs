/**
 * Make previews for all embeddings that have none, and show the progress.
 */

import { element, textButton } from "../dom.mjs";
import { ENDED, Jobs } from "../jobs.mjs";
import { COUNTED, phrase, sentenceCase } from "../phrases.mjs";
import { send } from "../request.mjs";

/** @typedef {import("../jobs.mjs").Job} Job */

const HINT = phrase("Embeddings without a picture can get one, each painted in the way that suits it. Existing pictures are kept.");

export class MakePreviews {
  /** @type {Job | undefined} */
  #job;
  #sentence = element("p", { class: "summary", role: "status" }, HINT);
  #bar = element("progress", { "aria-label": phrase("Progress"), hidden: true });
  #begin = textButton("", phrase("Make the missing previews"));
  #pause = textButton("", phrase("Pause"));
  #cancel = textButton("", phrase("Cancel"));

  /** @param {string} base */
  constructor(base) {
    this.jobs = new Jobs(base);
    this.#pause.hidden = this.#cancel.hidden = true;
    const buttons = element("div", { class: "buttons" }, this.#begin, this.#pause, this.#cancel);
    this.root = element("div", { class: "foot" }, this.#sentence, this.#bar, buttons);
    this.#begin.addEventListener("click", () => this.#attempt(() => send("POST", `${base}/previews`, {})));
    this.#pause.addEventListener("click", () => this.#attempt(() => this.#pauseOrGoOn()));
    this.#cancel.addEventListener("click", () => this.#attempt(() => this.jobs.cancel(this.#job?.id ?? "")));
  }

  #pauseOrGoOn() {
    const { id = "", state } = this.#job ?? {};
    return state === "asking" ? this.jobs.answer(id, { go_on: true }) : this.jobs.signal(id, "pause");
  }

  /** @param {() => Promise<Job>} work */
  async #attempt(work) {
    try {
      this.onJob(await work());
    } catch (error) {
      this.#sentence.textContent = sentenceCase(/** @type {Error} */ (error).message);
    }
  }

  /** @param {Job} job Perhaps of another kind. */
  onJob(job) {
    const known = this.#job;
    if (job.kind !== "previews" || (known?.id === job.id && known.revision > job.revision)) return;
    this.#job = job;
    const isOver = ENDED.includes(job.state);
    this.#begin.hidden = !isOver;
    this.#bar.hidden = this.#pause.hidden = this.#cancel.hidden = isOver;
    this.#pause.textContent = job.state === "asking" ? phrase("Resume") : phrase("Pause");
    if (job.total) [this.#bar.max, this.#bar.value] = [job.total, job.done];
    else this.#bar.removeAttribute("value");
    showSentence(this.#sentence, sentenceCase(sentenceOf(job)));
  }
}

/**
 * Show a sentence that screen readers speak once.
 *
 * @param {HTMLElement} place
 * @param {string} sentence
 */
export function showSentence(place, sentence) {
  if (place.textContent !== sentence) place.textContent = sentence;
}

/** @param {Job} job */
function sentenceOf({ state, reason, so_far, result }) {
  const { made = 0, skipped = [], name, waits } = result ?? so_far;
  const sofar = COUNTED.previews(made);
  if (state === "failed") return reason ?? "";
  if (state === "asking") return phrase("Paused, {sofar}", { sofar });
  if (ENDED.includes(state)) return skipped.length ? phrase("{sofar}; not {name}: {reason}", { sofar, ...skipped[0] }) : sofar;
  if (waits) return phrase("{sofar}; waiting for the WebUI to finish its pictures …", { sofar });
  if (state === "waiting") return phrase("Waiting for its turn …");
  return name ? phrase("{sofar}; painting {name} …", { sofar, name }) : phrase("Loading the model …");
}
