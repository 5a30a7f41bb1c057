import assert from "node:assert/strict";
import { test } from "node:test";

import { Questions } from "../../javascript/textual_inversion/request.mjs";

/** Questions whose clock and server a test moves by hand. */
function asker(pause) {
  const [sent, answered, timers] = [[], [], []];
  const send = (question) => new Promise((resolve, reject) => sent.push({ question, resolve, reject }));
  const questions = new Questions(
    send,
    (answer, question) => answered.push([question, answer]),
    (work) => timers.push(work),
  );
  return {
    questions: { ask: (question) => questions.ask(question, pause), drop: () => questions.drop() },
    answered,
    sent: () => sent.map(({ question }) => question),
    elapse: () => timers.splice(0).forEach((work) => work()),
    async answer(at, answer) {
      sent[at].resolve(answer);
      await new Promise(setImmediate);
    },
    async fail(at) {
      sent[at].reject(new Error("no connection"));
      await new Promise(setImmediate);
    },
  };
}

test("nothing is asked until typing pauses, and then the last question", () => {
  const { questions, sent, elapse } = asker(150);
  for (const text of ["a", "ab", "abc"]) questions.ask(text);
  assert.deepEqual(sent(), []);
  elapse();
  assert.deepEqual(sent(), ["abc"]);
});

test("without a pause the first question is asked at once", () => {
  const { questions, sent } = asker(0);
  questions.ask("a");
  assert.deepEqual(sent(), ["a"]);
});

test("a question without a pause takes the place of one that waits for it", () => {
  const [sent, timers] = [[], []];
  const questions = new Questions(async (question) => sent.push(question), () => {}, (work) => timers.push(work));
  questions.ask("a", 150);
  questions.ask("b");
  for (const work of timers) work();
  assert.deepEqual(sent, ["b"]);
});

test("one question is on its way at a time, and the last one follows it", async () => {
  const { questions, sent, answer, answered } = asker(0);
  for (const text of ["a", "ab", "abc"]) questions.ask(text);
  assert.deepEqual(sent(), ["a"]);
  await answer(0, 1);
  assert.deepEqual(sent(), ["a", "abc"]);
  await answer(1, 3);
  assert.deepEqual(answered, [["abc", 3]]);
});

test("an answer that comes while someone types is dropped, and the pause still counts", async () => {
  const { questions, sent, answer, answered, elapse } = asker(150);
  questions.ask("a");
  elapse();
  questions.ask("ab");
  await answer(0, 1);
  assert.deepEqual([sent(), answered], [["a"], []]);
  elapse();
  await answer(1, 2);
  assert.deepEqual(answered, [["ab", 2]]);
});

test("what nobody wants any more is neither asked nor answered", async () => {
  const { questions, sent, answer, answered, elapse } = asker(150);
  questions.ask("a");
  elapse();
  questions.ask("ab");
  questions.drop();
  elapse();
  await answer(0, 1);
  assert.deepEqual([sent(), answered], [["a"], []]);
});

test("a question that fails has no answer, and the next one is asked", async () => {
  const { questions, sent, answer, answered, fail } = asker(0);
  questions.ask("a");
  await fail(0);
  questions.ask("ab");
  await answer(1, 2);
  assert.deepEqual(sent(), ["a", "ab"]);
  assert.deepEqual(answered, [
    ["a", undefined],
    ["ab", 2],
  ]);
});
