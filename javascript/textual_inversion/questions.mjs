/**
 * Ask the server about what someone types: when typing pauses, one question at a time. Answers
 * to old questions are dropped.
 */

/** @typedef {(work: () => void, ms: number) => unknown} Wait As setTimeout does. */

/**
 * @template Question
 * @template Answer
 */
export class Questions {
  /** @type {{question: Question} | undefined} The one to be asked next. */
  #next;
  #isWaiting = false;
  #isAsking = false;
  /** Rises with every change of mind; an answer to an older question is dropped. */
  #turn = 0;

  /**
   * @param {(question: Question) => Promise<Answer>} send
   * @param {(answer: Answer | undefined, question: Question) => void} answered Gets no answer
   *   where the server had none.
   * @param {number} [pause] How long typing must pause, in milliseconds.
   * @param {Wait} [wait]
   */
  constructor(send, answered, pause = 0, wait = (work, ms) => setTimeout(work, ms)) {
    this.send = send;
    this.answered = answered;
    this.pause = pause;
    this.wait = wait;
  }

  /**
   * Ask, unless another question comes first.
   *
   * @param {Question} question
   */
  ask(question) {
    const turn = (this.#turn += 1);
    this.#next = { question };
    if (!this.pause) {
      this.#sendNext();
      return;
    }
    this.#isWaiting = true;
    this.wait(() => {
      if (turn !== this.#turn) return;
      this.#isWaiting = false;
      this.#sendNext();
    }, this.pause);
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
