/**
 * Keep a report under each of two prompt fields: what their prompts use, updated during typing.
 */

import { listen } from "../live.mjs";
import { number, phrase } from "../phrases.mjs";
import { Questions, Refusal } from "../request.mjs";
import { FIELDS } from "../words.mjs";
import { convertSyntax, partName, replaceWord, weighName } from "../prompt/edits.mjs";
import { applyAside, PromptFields, removeFrom } from "../prompt/fields.mjs";
import { noteUsed } from "../prompt/recent.mjs";
import { namesIn, notChecked, noticesOf, notSaved } from "./notices.mjs";
import { ReportStrip } from "./strip.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../answers.mjs").Field} Field */
/** @typedef {import("../answers.mjs").Limits} Limits */
/** @typedef {import("../answers.mjs").Prompts} Prompts */
/** @typedef {import("../answers.mjs").Reports} Reports */
/** @typedef {import("./notices.mjs").Deed} Deed */
/** @typedef {(tabname: string, id: string, name: string) => void} ShowCard */
/** @typedef {(tabname: string, name: string, hash: string | null) => void} Find Looks elsewhere for a missing
embedding. */

const PAUSE_MS = 150;
/** In every infotext, whichever program wrote it. */
const INFOTEXT = /\bSteps: \d/;

export class PromptReports {
  /** @type {Prompts | undefined} The last question. */
  #asked;
  #isAnswered = true;
  /** @type {Reports | undefined} The last answer. */
  #reports;
  /** The library's newest generation, as far as this page knows. */
  #generation = 0;
  /** @type {{field: Field, infotext: string} | undefined} The last pasted text, and its field. */
  #pasted;
  /** @type {(() => void) | undefined} */
  #stopListening;

  /**
   * @param {string} tabname
   * @param {Api} api
   * @param {Limits} limits
   * @param {ShowCard} showCard
   * @param {Find} [find] Missing where nobody may look elsewhere.
   */
  constructor(tabname, api, limits, showCard, find) {
    this.find = find;
    this.api = api;
    this.limits = limits;
    this.tabname = tabname;
    const events = { used: () => {}, edited: () => this.#update() };
    this.fields = new PromptFields(tabname, events);
    const strip = (/** @type {Field} */ field) =>
      new ReportStrip(
        (deed) => this.#press(field, deed),
        (id, name) => showCard(tabname, id, name),
      );
    this.strips = { positive: strip("positive"), negative: strip("negative") };
    /** @type {Questions<Prompts, Reports | Refusal>} */
    this.questions = new Questions(
      (prompts) => api.report(prompts).catch(asAnswer),
      (answer) => this.#receive(answer),
    );
    document.addEventListener("paste", (event) => this.#onPaste(event));
    document.addEventListener("visibilitychange", () => this.#update());
  }

  /** Put the reports to the present places of the fields. */
  place() {
    for (const field of FIELDS) this.strips[field].place(this.fields.block(field));
    this.#update();
  }

  /** Ask for reports, if they may have changed and somebody can see them. */
  #update() {
    const prompts = this.#prompts();
    const isBlank = FIELDS.every((field) => !prompts[field].trim()) && !prompts.styles?.length;
    this.#setListening(!isBlank);
    if (isBlank) this.#forget();
    else if (FIELDS.some((field) => this.#isLong(prompts[field]))) this.#refuse(prompts);
    else if (document.visibilityState !== "visible") this.#pause();
    else if (JSON.stringify(prompts) !== JSON.stringify(this.#asked)) this.#ask(prompts);
  }

  /** @returns {Prompts} */
  #prompts() {
    const [positive, negative] = FIELDS.map((field) => this.fields.text(field));
    if (this.#pasted && !(this.#pasted.field === "positive" ? positive : negative)) this.#pasted = undefined;
    return { positive, negative, steps: this.#steps(), styles: this.#styles(), infotext: this.#pasted?.infotext };
  }

  /** The selected styles of the host, which it adds to the prompts. */
  #styles() {
    const selected = document.querySelectorAll(`#${CSS.escape(this.tabname)}_styles .token > span`);
    return Array.from(selected, ({ textContent }) => textContent ?? "");
  }

  /** The host's number of steps, on which prompt editing depends. */
  #steps() {
    const input = document.querySelector(`#${CSS.escape(this.tabname)}_steps input`);
    const steps = input instanceof HTMLInputElement ? input.valueAsNumber : 0;
    return Number.isInteger(steps) && steps > 0 ? Math.min(steps, this.limits.steps) : undefined;
  }

  /** @param {Prompts} prompts */
  #ask(prompts) {
    this.#asked = prompts;
    this.#isAnswered = false;
    this.questions.ask(prompts, PAUSE_MS);
  }

  /** @param {string} prompt */
  #isLong(prompt) {
    const limit = this.limits.prompt_characters;
    return prompt.length > limit && Array.from(prompt).length > limit;
  }

  /**
   * Show which prompt is too long, without asking.
   *
   * @param {Prompts} prompts
   */
  #refuse(prompts) {
    this.#pause();
    this.#reports = undefined;
    const notices = [notChecked(phrase("it has more than {count} characters", { count: number(this.limits.prompt_characters) }))];
    for (const field of FIELDS) this.strips[field].show(this.#isLong(prompts[field]) ? notices : []);
  }

  /** @param {Reports | Refusal | undefined} answer */
  #receive(answer) {
    this.#isAnswered = true;
    if (answer instanceof Refusal) {
      this.#reports = undefined;
      const notices = [notChecked(answer.message)];
      for (const field of FIELDS) this.strips[field].show(this.#asked?.[field].trim() ? notices : []);
      return;
    }
    this.#show(answer);
    if (!answer) return;
    noteUsed(FIELDS.flatMap((field) => answer[field].used.map(({ name }) => name)));
    this.#catchUp();
  }

  /** Ask nothing while nobody can see the page, and catch up afterwards. */
  #pause() {
    this.#asked = undefined;
    this.questions.drop();
  }

  #forget() {
    this.#pause();
    this.#show(undefined);
  }

  /** @param {Reports | undefined} reports */
  #show(reports) {
    this.#reports = reports;
    for (const field of FIELDS) {
      // A host that splits an infotext puts its prompt into the first field.
      const provenance = (this.#pasted?.field ?? "positive") === field ? reports?.infotext : undefined;
      const around = {
        prompt: this.#asked?.[field] ?? "",
        isNegative: field === "negative",
        chunkTokens: this.limits.chunk_tokens,
        provenance,
        canFind: this.find !== undefined,
      };
      this.strips[field].show(reports ? noticesOf(reports[field], around) : []);
    }
  }

  /**
   * Listen to the library as long as there is a prompt.
   *
   * @param {boolean} isWanted
   */
  #setListening(isWanted) {
    if (isWanted === Boolean(this.#stopListening)) return;
    this.#stopListening?.();
    this.#stopListening = isWanted
      ? listen(`${this.api.base}/events`, {
          changed: ({ generation }) => this.#onGeneration(generation),
          connection: () => {},
        })
      : undefined;
  }

  /** @param {number} generation */
  #onGeneration(generation) {
    this.#generation = generation;
    this.#catchUp();
  }

  /** Ask again if the library has changed since, or there was no answer. */
  #catchUp() {
    const isOld = this.#generation > (this.#reports?.generation ?? -1);
    if (this.#asked && this.#isAnswered && isOld) this.#ask(this.#asked);
  }

  /** @param {ClipboardEvent} event */
  #onPaste({ target, clipboardData }) {
    const field = this.fields.fieldOf(target);
    const text = clipboardData?.getData("text") ?? "";
    if (field && INFOTEXT.test(text)) this.#pasted = { field, infotext: text };
  }

  /**
   * Carry out the proposal of a notice.
   *
   * @param {Field} field
   * @param {Deed} deed
   */
  #press(field, deed) {
    const textarea = this.fields.textarea(field);
    if (!textarea || !this.#reports) return;
    const report = this.#reports[field];
    const reading = { names: namesIn(report), isNegative: field === "negative" };
    if (deed.does === "find") this.find?.(this.tabname, deed.name, deed.hash);
    else if (deed.does === "allow")
      this.api
        .choose(deed.id, { use_partial: true })
        .catch(({ message }) => this.strips[field].show([notSaved(message)]));
    else if (deed.does === "remove") removeFrom(textarea, deed.name, reading);
    else {
      const edit = editOf(deed, textarea.value, report, reading);
      if (edit) applyAside(textarea, edit);
    }
    // Its button stays in place; the others will be gone.
    if (deed.does !== "weigh" && deed.does !== "find") textarea.focus();
  }
}

/**
 * @param {Exclude<Deed, {does: "allow" | "remove" | "find"}>} deed
 * @param {string} prompt
 * @param {import("../answers.mjs").Report} report
 * @param {import("../prompt/pieces.mjs").Reading} reading
 */
function editOf(deed, prompt, { foreign_syntax }, reading) {
  if (deed.does === "convert") return convertSyntax(prompt, foreign_syntax);
  if (deed.does === "replace") return replaceWord(prompt, deed.nearMiss.text, deed.nearMiss.name, reading);
  if (deed.does === "part") return partName(prompt, deed.name, reading);
  return weighName(prompt, deed.name, deed.change, reading);
}

/**
 * Return a refusal, for people to read; other errors are not for them.
 *
 * @param {unknown} error
 */
function asAnswer(error) {
  if (error instanceof Refusal) return error;
  throw error;
}
