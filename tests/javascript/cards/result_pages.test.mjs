import assert from "node:assert/strict";
import { test } from "node:test";

import { ResultPages } from "../../../javascript/textual_inversion/cards/result_pages.mjs";

const PAGE_SIZE = 60;

/** A library of numbered entries whose answers come when the test lets them. */
class Library {
  /** @type {{offset: number, signal: AbortSignal, answer: () => Promise<void>, fail: () => Promise<void>}[]} */
  asked = [];

  constructor(total) {
    this.total = total;
    this.generation = 1;
  }

  entries({ offset, limit }, signal) {
    return new Promise((resolve, reject) => {
      const entries = Array.from({ length: Math.max(0, Math.min(limit, this.total - offset)) }, (_, at) => ({
        id: `id ${offset + at}`,
      }));
      const finish = (work) => async () => {
        work();
        await new Promise(setImmediate);
      };
      signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
      this.asked.push({
        offset,
        signal,
        answer: finish(() => resolve({ generation: this.generation, total: this.total, entries })),
        fail: finish(() => reject(new Error("no answer"))),
      });
    });
  }
}

function pagesOf(library, changed = () => {}) {
  return new ResultPages(library, {}, PAGE_SIZE, changed);
}

test("only the pages that are wanted are asked for, each once, two at a time", async () => {
  const library = new Library(1000);
  const pages = pagesOf(library);
  pages.want(0, 1);
  await library.asked[0].answer();
  pages.want(PAGE_SIZE, 5 * PAGE_SIZE);
  pages.want(PAGE_SIZE, 5 * PAGE_SIZE);
  assert.deepEqual(
    library.asked.map(({ offset }) => offset / PAGE_SIZE),
    [0, 1, 2],
  );
  await library.asked[1].answer();
  assert.deepEqual(
    library.asked.map(({ offset }) => offset / PAGE_SIZE),
    [0, 1, 2, 3],
  );
});

test("pages that were scrolled past before their turn are never asked for", async () => {
  const library = new Library(6000);
  const pages = pagesOf(library);
  pages.want(0, 1);
  await library.asked[0].answer();
  for (let first = PAGE_SIZE; first < 5000; first += 50) pages.want(first, first + 80);
  for (let at = 1; at < library.asked.length; at += 1) await library.asked[at].answer();
  assert.ok(library.asked.length <= 6, `${library.asked.length} requests`);
  assert.equal(pages.at(4999).id, "id 4999");
});

test("it is ready when all that is wanted is here", async () => {
  const library = new Library(PAGE_SIZE + 5);
  const pages = pagesOf(library);
  pages.want(0, 3 * PAGE_SIZE);
  assert.equal(pages.isReady, false);
  await library.asked[0].answer();
  assert.equal(pages.isReady, false);
  await library.asked[1].answer();
  assert.equal(pages.isReady, true);
  assert.equal(pages.at(PAGE_SIZE + 4).id, `id ${PAGE_SIZE + 4}`);
  assert.equal(pages.at(PAGE_SIZE + 5), undefined);
  assert.equal(pages.indexOf("id 61"), 61);
  assert.equal(pages.indexOf("other"), -1);
});

test("it is ready where nothing is left of what was looked at", async () => {
  const library = new Library(0);
  const pages = pagesOf(library);
  pages.want(5 * PAGE_SIZE, 6 * PAGE_SIZE);
  await library.asked[0].answer();
  pages.want(0, 6 * PAGE_SIZE);
  assert.equal(pages.isReady, true);
});

test("pages of two generations make it outdated", async () => {
  const library = new Library(1000);
  const pages = pagesOf(library);
  pages.want(0, 2 * PAGE_SIZE);
  await library.asked[0].answer();
  assert.equal(pages.isOutdated, false);
  library.generation = 2;
  await library.asked[1].answer();
  assert.equal(pages.isOutdated, true);
});

test("a request that fails is reported, and sent again after a while", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const library = new Library(10);
  const problems = [];
  const pages = pagesOf(library, ({ problem }) => problems.push(problem?.message));
  pages.want(0, 10);
  await library.asked[0].fail();
  assert.deepEqual(problems, ["no answer"]);
  assert.equal(library.asked.length, 1);
  context.mock.timers.tick(1000);
  await library.asked[1].answer();
  assert.deepEqual(problems, ["no answer", undefined]);
  assert.equal(pages.isReady, true);
});

test("after closing nothing more is reported or asked", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const library = new Library(10);
  let reports = 0;
  const pages = pagesOf(library, () => (reports += 1));
  pages.want(0, 10);
  await library.asked[0].fail();
  pages.close();
  context.mock.timers.tick(60_000);
  assert.equal(library.asked.length, 1);
  assert.equal(reports, 1);
  assert.equal(library.asked[0].signal.aborted, true);
});
