/**
 * Show jobs: their progress, their questions, and their results.
 */

import { element, iconButton, setAttribute, textButton } from "../dom.mjs";
import { ENDED } from "../jobs.mjs";
import { sentenceCase, size } from "../phrases.mjs";
import { WORDS } from "./site_words.mjs";

/** @typedef {import("./sites.mjs").Answer} Answer */
/** @typedef {import("./sites.mjs").Job} Job */

/**
 * @typedef {object} Owner
 * @property {(job: Job) => void} changed
 * @property {(id: string, name: string) => void} shown Called when somebody wants to see a card.
 */

export class JobList {
  /** @type {Map<string, JobItem>} */
  #items = new Map();

  /**
   * @param {import("../jobs.mjs").Jobs} jobs
   * @param {Owner} owner
   */
  constructor(jobs, owner) {
    this.jobs = jobs;
    this.owner = owner;
    this.root = element("ul", { class: "jobs", "aria-label": WORDS.jobs, hidden: true });
  }

  /**
   * Show the state of a job, unless a later one is known: events may overtake answers.
   *
   * @param {Job} job
   * @returns {Job} The latest known state.
   */
  show(job) {
    const item = this.#items.get(job.id) ?? this.#add(job);
    const newest = item.job && item.job.revision > job.revision ? item.job : job;
    item.show(newest);
    this.owner.changed(newest);
    return newest;
  }

  /** @param {Job} job */
  #add(job) {
    const item = new JobItem(job.id, {
      answer: async (answer) => void this.show(await this.jobs.answer(job.id, answer)),
      cancel: () => this.#cancel(item),
      shown: this.owner.shown,
    });
    this.#items.set(job.id, item);
    this.root.prepend(item.root);
    this.root.hidden = false;
    return item;
  }

  /** @param {JobItem} item */
  async #cancel(item) {
    const hasEnded = ENDED.includes(item.job?.state ?? "");
    const job = await this.jobs.cancel(item.id).catch(() => undefined);
    if (job && !hasEnded) this.show(job);
    if (!hasEnded) return;
    item.root.remove();
    this.#items.delete(item.id);
    this.root.hidden = !this.#items.size;
  }
}

class JobItem {
  /** @type {Job | undefined} */
  job;
  #title = element("b", { dir: "auto" });
  #amount = element("span", { class: "amount" });
  #bar = element("progress", { "aria-label": WORDS.progress });
  #sentence = element("p", { role: "status" });
  #more = element("div", { class: "more" });
  #end = iconButton("close", "", WORDS.cancel);
  /** Its question, as JSON: a half typed answer must stay. */
  #asked = "";

  /**
   * @param {string} id
   * @param {{answer: (answer: Answer) => Promise<void>, cancel: () => void, shown: Owner["shown"]}} owner
   */
  constructor(id, owner) {
    this.id = id;
    this.owner = owner;
    const head = element("div", { class: "head" }, this.#title, this.#amount, this.#end);
    this.root = element("li", {}, head, this.#bar, this.#sentence, this.#more);
    this.#end.addEventListener("click", () => this.owner.cancel());
  }

  /** @param {Job} job */
  show(job) {
    this.job = job;
    const { kind, state, title, done, total, reason, result } = job;
    const isIdentifying = kind === "identify";
    this.root.dataset.state = state;
    this.#title.textContent = isIdentifying ? WORDS.identifying : result?.name ?? title;
    this.#bar.hidden = state !== "working" && state !== "waiting";
    if (total) [this.#bar.max, this.#bar.value] = [total, done];
    else this.#bar.removeAttribute("value");
    this.#amount.textContent = this.#bar.hidden || isIdentifying || !total ? "" : `${size(done)} / ${size(total)}`;
    const label = ENDED.includes(state) ? WORDS.hide : WORDS.cancel;
    for (const name of ["aria-label", "title"]) setAttribute(this.#end, name, label);
    const sentence = sentenceCase(reason ?? WORDS.outcome(job));
    if (this.#sentence.textContent !== sentence) this.#sentence.textContent = sentence;
    this.#sentence.hidden = !sentence;
    const asked = JSON.stringify([job.question, reason, result]);
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#more.replaceChildren(...this.#parts(job));
  }

  /** @param {Job} job */
  #parts({ question, result }) {
    if (question) return [this.#form(question)];
    if (!result) return [];
    const warnings = result.warnings.map((warning) => element("p", { class: "warning" }, sentenceCase(warning)));
    const { id, name } = result;
    if (!id || !name) return warnings;
    const button = textButton("", WORDS.showCard);
    button.addEventListener("click", () => this.owner.shown(id, name));
    return [...warnings, button];
  }

  /** @param {NonNullable<Job["question"]>} question */
  #form({ kind, choices }) {
    const submit = element("button", { type: "submit", class: "plain" }, WORDS.answers[kind]);
    const name = element("input", { type: "text", "aria-label": WORDS.newName, value: choices[0]?.name ?? "" });
    const files = choices.map(({ file = "", filename = "", bytes }) =>
      element(
        "label",
        { class: "choice" },
        element("input", { type: "checkbox", name: "file", value: file }),
        `${filename}${bytes ? ` · ${size(bytes)}` : ""}`,
      ),
    );
    const fields = { name: [name], files, keep_wrong_hash: [] }[kind];
    const form = element("form", { class: "answer" }, ...fields, submit);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const chosen = new FormData(form).getAll("file").map(String);
      const answers = { name: { name: name.value }, files: { files: chosen }, keep_wrong_hash: { keep_wrong_hash: /** @type {const} */ (true) } };
      if (kind === "files" && !chosen.length) return;
      submit.disabled = true;
      await this.owner.answer(answers[kind]).catch(({ message }) => (this.#sentence.textContent = sentenceCase(message)));
    });
    return form;
  }
}
