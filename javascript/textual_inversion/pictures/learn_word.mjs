/**
 * Learn a word: the dialog that asks for a lesson, and shows its learning.
 */

import { dialog, element, showOver, textButton } from "../dom.mjs";
import { ENDED, Jobs } from "../jobs.mjs";
import { listen } from "../live.mjs";
import { sentenceCase } from "../phrases.mjs";
import { LEARN as WORDS } from "./learn_words.mjs";
import { LearningRun } from "./learning_run.mjs";
import { LessonForm } from "./lesson_form.mjs";
import { Lessons } from "./lessons.mjs";

/** @typedef {import("../answers.mjs").Folder} Folder */
/** @typedef {import("../jobs.mjs").Job} Job */

/**
 * @typedef {object} Owner
 * @property {HTMLElement} home The tab.
 * @property {() => string} folder Returns the id of the folder that is shown; empty for all.
 * @property {() => Folder[]} folders Returns the folders that can receive files.
 * @property {(id: string, name: string) => void} shown Called when somebody wants to see a card.
 */

export class LearnWord {
  #problem = element("p", { class: "problem", role: "alert", hidden: true });
  #begun = element("ul", { class: "begun", "aria-label": WORDS.begun });
  #stopListening = () => {};
  /** @type {{id: string, name: string} | undefined} The last word learned while this was open. */
  #came;

  /**
   * @param {string} base
   * @param {Owner} owner
   */
  constructor(base, owner) {
    this.base = base;
    this.owner = owner;
    this.lessons = new Lessons(base);
    this.form = new LessonForm(this.lessons, async (wanted) => {
      const folder = owner.folder() || (owner.folders()[0]?.id ?? "");
      this.#show(await this.lessons.begin({ ...wanted, folder }));
    });
    this.run = new LearningRun(new Jobs(base), {
      again: () => this.#ask(),
      shown: (id, name) => {
        this.#came = { id, name };
        this.root.close();
      },
    });
    this.root = dialog(WORDS.title, "learn-word", this.#problem, this.#begun, this.form.root, this.run.root);
    this.form.watch(this.root);
    this.root.addEventListener("close", () => this.#close());
  }

  open() {
    if (this.root.open) return;
    this.#came = undefined;
    showOver(this.root, this.owner.home);
    if (!this.run.isGoingOn) this.#ask();
    this.#stopListening = listen(`${this.base}/events`, {
      changed: () => {},
      connection: () => {},
      job: (job) => this.#onJob(job),
    });
  }

  /** Ask for a lesson. */
  async #ask() {
    this.run.clear();
    this.form.clear();
    this.form.root.hidden = false;
    try {
      const { missing, begun, ...facts } = await this.lessons.facts();
      this.#warn(missing ?? "");
      this.form.offer(facts);
      this.form.root.hidden = Boolean(missing) || this.run.isGoingOn;
      this.#begun.replaceChildren(...(missing ? [] : begun.map((lesson) => this.#row(lesson))));
    } catch (error) {
      this.#warn(/** @type {Error} */ (error).message);
    }
  }

  /** @param {{name: string, like: string}} lesson One that was cut off. */
  #row({ name }) {
    const goOn = textButton("", WORDS.goOn);
    const forget = textButton("", WORDS.forget);
    const title = element("b", { dir: "auto" }, name);
    const row = element("li", {}, element("p", {}, title, ` ${WORDS.wasCutOff}`), goOn, forget);
    const attempt = (/** @type {() => Promise<unknown>} */ work) =>
      work().then(() => row.remove(), ({ message }) => this.#warn(message));
    goOn.addEventListener("click", () => attempt(async () => this.#show(await this.lessons.resume(name))));
    forget.addEventListener("click", () => attempt(() => this.lessons.forget(name)));
    return row;
  }

  /**
   * Show the job of an event: the one that is shown already, or one that somebody began elsewhere.
   *
   * @param {Job} job
   */
  #onJob(job) {
    if (job.kind !== "learn") return;
    const isShown = job.id === this.run.job?.id;
    const isOther = !this.run.isGoingOn && !ENDED.includes(job.state);
    if (isShown || isOther) this.#show(job);
  }

  /** @param {Job} job */
  #show(job) {
    this.#warn("");
    this.#begun.replaceChildren();
    this.form.root.hidden = true;
    this.run.show(job);
    if (job.result?.id) this.#came = job.result;
  }

  /** @param {string} problem */
  #warn(problem) {
    this.#problem.textContent = sentenceCase(problem);
    this.#problem.hidden = !problem;
  }

  #close() {
    this.#stopListening();
    if (this.#came) this.owner.shown(this.#came.id, this.#came.name);
  }
}
