/**
 * Lessons, in the library's HTTP API.
 */

import { ask, send } from "../request.mjs";

/** @typedef {import("../jobs.mjs").Job} Job */
/** @typedef {[step: number, loss: number]} Look The loss on the same inputs each time. */
/** @typedef {{label: string, picture: number}} Sample With the number of one of the job's pictures. */
/** @typedef {{looks: Look[], samples: Sample[]}} SoFar */
/** @typedef {SoFar & {id: string | null, name: string}} Learned */
/** @typedef {"n_vectors" | "most_steps" | "batch" | "seed"} NumberKey */

/**
 * @typedef {object} LessonFacts
 * @property {string | null} missing What must be installed before a word can be learned.
 * @property {Record<NumberKey, {usual: number, least: number, most: number}>} numbers
 * @property {string[]} shipped The ids of the pictures that come with the project.
 * @property {{name: string, like: string}[]} begun Lessons that were cut off.
 */

/**
 * @typedef {object} Words
 * @property {string} name
 * @property {string} like
 * @property {string} kind
 * @property {{id: string, caption: string}[]} pictures
 * @property {string} folder The id of the folder for the embedding.
 * @property {boolean} is_flipped
 */
/** @typedef {Words & Record<NumberKey, number>} Lesson */

export class Lessons {
  /** @param {string} base */
  constructor(base) {
    this.address = `${base}/lessons`;
  }

  /** @returns {Promise<LessonFacts>} */
  facts() {
    return ask(this.address);
  }

  /**
   * @param {File} picture
   * @returns {Promise<{id: string}>}
   */
  addPicture(picture) {
    const { name } = picture;
    return ask(`${this.address}/pictures?${new URLSearchParams({ name })}`, { method: "POST", body: picture });
  }

  /**
   * Return the address of a picture as learning sees it.
   *
   * @param {string} id
   */
  seen(id) {
    return `${this.address}/pictures/${id}`;
  }

  /**
   * @param {Lesson} lesson
   * @returns {Promise<Job>}
   */
  begin(lesson) {
    return send("POST", this.address, lesson);
  }

  /**
   * @param {string} name Of a lesson that was cut off.
   * @returns {Promise<Job>}
   */
  resume(name) {
    return ask(`${this.address}/resume?${new URLSearchParams({ name })}`, { method: "POST" });
  }

  /** @param {string} name */
  forget(name) {
    return ask(`${this.address}?${new URLSearchParams({ name })}`, { method: "DELETE" });
  }
}
