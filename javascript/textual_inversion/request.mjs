/**
 * Send requests to the server, and say in a sentence why one has no answer.
 */

import { phrase } from "./phrases.mjs";

/** @typedef {(work: () => void, ms: number) => unknown} Wait As setTimeout does. */

/** The server does not let this page ask; the message says why. */
export class Refusal extends Error {}

/** A server that has not answered after this time counts as hung. */
const PATIENCE_MS = 15_000;
const NO_ANSWER = phrase("the server does not answer");

/**
 * Return a signal that also ends the wait for a hung server.
 *
 * @param {AbortSignal} signal
 */
export function patient(signal) {
  return AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
}

/**
 * @param {string} address
 * @param {RequestInit} [request]
 * @returns {Promise<any>} What the JSON of the answer says.
 */
export async function ask(address, request) {
  return answerIn(await fetch(address, request).catch(explain));
}

/** @param {Response} response */
async function answerIn(response) {
  if (response.status === 403) throw new Refusal(await messageOf(response));
  if (!response.ok) throw new Error(await messageOf(response));
  return response.status === 204 ? undefined : response.json();
}

/**
 * @param {string} method
 * @param {string} address
 * @param {unknown} body Sent as JSON.
 */
export function send(method, address, body) {
  return ask(address, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

/**
 * Send files, a list of them first, and report how much has arrived, which `fetch` cannot.
 *
 * @param {string} address
 * @param {{path: string, content: Blob}[]} files
 * @param {(done: number) => void} [progress] Called with the number of bytes that have arrived.
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} What the JSON of the answer says.
 */
export async function upload(address, files, progress, signal) {
  const listed = files.map(({ path, content }) => ({ path, bytes: content.size }));
  const line = new Blob([JSON.stringify(listed), "\n"]);
  const request = new XMLHttpRequest();
  const ended = new Promise((resolve) => request.addEventListener("loadend", resolve));
  request.upload.addEventListener("progress", ({ loaded }) => progress?.(Math.max(loaded - line.size, 0)));
  signal?.addEventListener("abort", () => request.abort());
  request.open("POST", address);
  request.send(new Blob([line, ...files.map(({ content }) => content)]));
  await ended;
  signal?.throwIfAborted();
  if (!request.status) throw new Error(NO_ANSWER);
  return answerIn(new Response(request.responseText, { status: request.status, statusText: request.statusText }));
}

/**
 * Say in our own words why there is no answer: every browser has different ones.
 *
 * @param {Error} error
 * @returns {never}
 */
function explain(error) {
  if (error.name === "TimeoutError") throw new Error(phrase("the server has not answered for {count} seconds", { count: PATIENCE_MS / 1000 }));
  throw error instanceof TypeError ? new Error(NO_ANSWER) : error;
}

/**
 * Return the server's own sentence about the error, or the status if it has none.
 *
 * @param {Response} response
 */
async function messageOf(response) {
  const body = await response.json().catch(() => ({}));
  return typeof body.detail === "string"
    ? body.detail
    : phrase("the server answered with status {status}", { status: `${response.status} ${response.statusText}` });
}

/**
 * Asks the server about a text that someone types: when typing pauses, and one question at a time. Answers to
 * old questions are dropped.
 *
 * @template Question
 * @template Answer
 */
export class Questions {
  /** @type {{question: Question} | undefined} The next one to ask. */
  #next;
  #isWaiting = false;
  #isAsking = false;
  /** Rises with every new question; answers to older ones are dropped. */
  #turn = 0;

  /**
   * @param {(question: Question) => Promise<Answer>} send
   * @param {(answer: Answer | undefined, question: Question) => void} answered Gets no answer if the server had
   *   none.
   * @param {Wait} [wait]
   */
  constructor(send, answered, wait = (work, ms) => setTimeout(work, ms)) {
    this.send = send;
    this.answered = answered;
    this.wait = wait;
  }

  /**
   * Ask, unless another question comes in time.
   *
   * @param {Question} question
   * @param {number} [pause] How long typing must pause, in milliseconds.
   */
  ask(question, pause = 0) {
    const turn = (this.#turn += 1);
    this.#next = { question };
    this.#isWaiting = pause > 0;
    if (!pause) {
      this.#sendNext();
      return;
    }
    this.wait(() => {
      if (turn !== this.#turn) return;
      this.#isWaiting = false;
      this.#sendNext();
    }, pause);
  }

  /** Drop the question and its answer. */
  drop() {
    this.#turn += 1;
    this.#next = undefined;
    this.#isWaiting = false;
  }

  async #sendNext() {
    if (this.#isAsking || this.#isWaiting || !this.#next) return;
    const { question } = this.#next;
    const turn = this.#turn;
    this.#next = undefined;
    this.#isAsking = true;
    const answer = await this.send(question).catch(() => undefined);
    this.#isAsking = false;
    if (turn === this.#turn) this.answered(answer, question);
    else this.#sendNext();
  }
}
