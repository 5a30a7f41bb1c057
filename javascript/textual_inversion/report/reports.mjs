/**
 * Keep a report under each of two prompt boxes: what their prompts use, as they are typed.
 */

import { listen } from "../live.mjs";
import { Questions } from "../questions.mjs";
import { convertForms, replaceWord } from "../prompt/edits.mjs";
import { apply, BOX_KINDS, Boxes } from "../prompt/fields.mjs";
import { noticesOf } from "./notices.mjs";
import { ReportStrip } from "./strip.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../api.mjs").BoxKind} BoxKind */
/** @typedef {import("../api.mjs").Prompts} Prompts */
/** @typedef {import("../api.mjs").Reports} Reports */
/** @typedef {import("./notices.mjs").Button} Button */

const PAUSE_MS = 150;
/** What is in an infotext that names embeddings. */
const TI_HASHES = "TI hashes:";

export class PromptReports {
  /** @type {Prompts | undefined} What was asked last. */
  #asked;
  #isAnswered = true;
  /** @type {Reports | undefined} What was answered last. */
  #reports;
  /** The library's generation that was heard of last. */
  #heard = 0;
  /** @type {{kind: BoxKind, infotext: string} | undefined} What was pasted, and into which box. */
  #pasted;
  /** @type {(() => void) | undefined} */
  #stopListening;

  /**
   * @param {string} tabname
   * @param {Api} api
   * @param {AbortSignal} closing
   */
  constructor(tabname, api, closing) {
    this.api = api;
    this.tabname = tabname;
    this.boxes = new Boxes(tabname, { focused: () => this.#look(), edited: () => this.#look() }, closing);
    this.strips = {
      positive: new ReportStrip((button) => this.#press("positive", button)),
      negative: new ReportStrip((button) => this.#press("negative", button)),
    };
    /** @type {Questions<Prompts, Reports>} */
    this.questions = new Questions(
      (prompts) => api.report(prompts),
      (reports) => this.#receive(reports),
      PAUSE_MS,
    );
    document.addEventListener("paste", (event) => this.#notePasted(event), { signal: closing });
    document.addEventListener("visibilitychange", () => this.#look(), { signal: closing });
    closing.addEventListener("abort", () => this.#follow(false));
  }

  /** Put the reports where the boxes are by now. */
  place() {
    for (const kind of BOX_KINDS) this.strips[kind].place(this.boxes.block(kind));
    this.#look();
  }

  /** Ask what the prompts use, if that may have changed and somebody can see it. */
  #look() {
    const prompts = this.#read();
    const isBlank = BOX_KINDS.every((kind) => !prompts[kind].trim());
    this.#follow(!isBlank);
    if (isBlank) this.#forget();
    else if (document.visibilityState !== "visible") this.#leave();
    else if (JSON.stringify(prompts) !== JSON.stringify(this.#asked)) this.#ask(prompts);
  }

  /** @returns {Prompts} */
  #read() {
    const [positive, negative] = BOX_KINDS.map((kind) => this.boxes.text(kind));
    if (this.#pasted && !(this.#pasted.kind === "positive" ? positive : negative)) this.#pasted = undefined;
    return { positive, negative, steps: this.#steps(), infotext: this.#pasted?.infotext };
  }

  /** How many steps the host will take; when a prompt changes depends on it. */
  #steps() {
    const field = document.querySelector(`#${CSS.escape(this.tabname)}_steps input`);
    const steps = field instanceof HTMLInputElement ? field.valueAsNumber : 0;
    return Number.isInteger(steps) && steps > 0 ? steps : undefined;
  }

  /** @param {Prompts} prompts */
  #ask(prompts) {
    this.#asked = prompts;
    this.#isAnswered = false;
    this.questions.ask(prompts);
  }

  /** @param {Reports | undefined} reports */
  #receive(reports) {
    this.#isAnswered = true;
    this.#show(reports);
    if (reports) this.#catchUp();
  }

  /** Ask nothing while nobody looks, and everything then. */
  #leave() {
    this.#asked = undefined;
    this.questions.drop();
  }

  #forget() {
    this.#leave();
    this.#show(undefined);
  }

  /** @param {Reports | undefined} reports */
  #show(reports) {
    this.#reports = reports;
    for (const kind of BOX_KINDS) {
      // A host that takes an infotext apart puts its prompt into the first box.
      const provenance = (this.#pasted?.kind ?? "positive") === kind ? reports?.infotext : undefined;
      this.strips[kind].show(reports ? noticesOf(reports[kind], provenance) : []);
    }
  }

  /**
   * Follow the library as long as there is something to say of the prompts.
   *
   * @param {boolean} isWanted
   */
  #follow(isWanted) {
    if (isWanted === Boolean(this.#stopListening)) return;
    this.#stopListening?.();
    this.#stopListening = isWanted
      ? listen(`${this.api.base}/events`, {
          changed: ({ generation }) => this.#hear(generation),
          connection: () => {},
        })
      : undefined;
  }

  /** @param {number} generation */
  #hear(generation) {
    this.#heard = generation;
    this.#catchUp();
  }

  /** Ask again where the library has changed since, or nothing was answered. */
  #catchUp() {
    const isOld = this.#heard > (this.#reports?.generation ?? -1);
    if (this.#asked && this.#isAnswered && isOld) this.#ask(this.#asked);
  }

  /** @param {ClipboardEvent} event */
  #notePasted({ target, clipboardData }) {
    const kind = this.boxes.kindOf(target);
    const text = clipboardData?.getData("text") ?? "";
    if (kind && text.includes(TI_HASHES)) this.#pasted = { kind, infotext: text };
  }

  /**
   * Do what a notice proposes.
   *
   * @param {BoxKind} kind
   * @param {Button} button
   */
  #press(kind, button) {
    const box = this.boxes.box(kind);
    if (!box || !this.#reports) return;
    const edit =
      button.does === "convert"
        ? convertForms(box.value, this.#reports[kind].forms)
        : replaceWord(box.value, button.lookalike.text, button.lookalike.name);
    if (edit) apply(box, edit);
    // The button will be gone.
    box.focus();
  }
}
