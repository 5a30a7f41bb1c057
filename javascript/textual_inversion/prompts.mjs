/**
 * What stands at the prompt boxes of a page, with or without a tab: their reports, and the
 * completion of names.
 */

import { Api } from "./api.mjs";
import { Completion } from "./completion.mjs";
import { PromptReports } from "./prompt_reports.mjs";

/** The tabs of a host that have prompt boxes. */
const TABNAMES = ["txt2img", "img2img"];

export class Prompts {
  constructor() {
    const [api, closing] = [new Api(), new AbortController().signal]; // As long as the page lives.
    this.reports = TABNAMES.map((tabname) => new PromptReports(tabname, api, closing));
    this.completion = new Completion(api, (box) => this.#blockOf(box), closing);
  }

  /** Be at the boxes that are in the page by now. */
  place() {
    for (const reports of this.reports) reports.place();
    this.completion.list.place();
  }

  /** @param {EventTarget | null} box */
  #blockOf(box) {
    for (const { boxes } of this.reports) {
      const kind = boxes.kindOf(box);
      if (kind) return boxes.block(kind);
    }
    return null;
  }
}
