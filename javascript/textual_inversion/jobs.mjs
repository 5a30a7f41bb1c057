/**
 * Long work of the server's, in the library's HTTP API: what every kind of it has.
 */

import { ask, send } from "./request.mjs";

/**
 * @typedef {object} Job
 * @property {string} id
 * @property {number} revision Rises with every change.
 * @property {"add" | "identify" | "try" | "previews" | "learn"} kind
 * @property {string} title
 * @property {"waiting" | "working" | "asking" | "done" | "failed" | "cancelled"} state
 * @property {number} done
 * @property {number | null} total Null where nobody knows.
 * @property {any} so_far What it has by now, and
 * @property {any} result what came of it, in the words of its kind.
 * @property {string | null} reason What it asks, or why it failed.
 * @property {{kind: string, choices: any[]} | null} question
 */

/** The states of a job that goes on no more. */
export const ENDED = ["done", "failed", "cancelled"];

export class Jobs {
  /** @param {string} base */
  constructor(base) {
    this.base = base;
  }

  /**
   * Let a job go on that asks; one that is paused asks whether to `go_on`.
   *
   * @param {string} id
   * @param {object} answer
   * @returns {Promise<any>} The job.
   */
  answer(id, answer) {
    return send("PATCH", this.#job(id), answer);
  }

  /**
   * Let a job wait, or end with what it has.
   *
   * @param {string} id
   * @param {"pause" | "stop"} signal
   * @returns {Promise<Job>}
   */
  signal(id, signal) {
    return send("PATCH", this.#job(id), { [signal]: true });
  }

  /**
   * @param {string} id Of a job that is cancelled, or forgotten where it has ended.
   * @returns {Promise<any>} The job.
   */
  cancel(id) {
    return ask(this.#job(id), { method: "DELETE" });
  }

  /**
   * Return the address of a picture that a job has kept.
   *
   * @param {string} id
   * @param {number} n
   */
  picture(id, n) {
    return `${this.#job(id)}/pictures/${n}`;
  }

  /** @param {string} id */
  #job(id) {
    return `${this.base}/jobs/${id}`;
  }
}
