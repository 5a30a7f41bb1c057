/**
 * The server's long work, in the library's HTTP API: the parts that all jobs share.
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
 * @property {any} so_far Its results so far, and
 * @property {any} result its final result; the form depends on the kind.
 * @property {string | null} reason Its question, or why it failed.
 * @property {{kind: string, choices: any[]} | null} question
 */

/** The states of a job that has ended. */
export const ENDED = ["done", "failed", "cancelled"];

export class Jobs {
  /** @param {string} base */
  constructor(base) {
    this.base = base;
  }

  /**
   * Answer a job that asks, so that it goes on; a paused one asks whether to `go_on`.
   *
   * @param {string} id
   * @param {object} answer
   * @returns {Promise<any>} The job.
   */
  answer(id, answer) {
    return send("PATCH", this.#job(id), answer);
  }

  /**
   * Let a job wait, or end with its results so far.
   *
   * @param {string} id
   * @param {"pause" | "stop"} signal
   * @returns {Promise<Job>}
   */
  signal(id, signal) {
    return send("PATCH", this.#job(id), { [signal]: true });
  }

  /**
   * @param {string} id Of a job to cancel, or to forget if it has ended.
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
