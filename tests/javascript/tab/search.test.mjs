import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Search } from "../../../javascript/textual_inversion/tab/search.mjs";
import { EVERYTHING } from "../../../javascript/textual_inversion/tab/query.mjs";

/** @type {EventTarget[]} */
const sources = [];

class Source extends EventTarget {
  constructor() {
    super();
    sources.push(this);
  }

  close() {}
}

const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
Object.assign(globalThis, { document, EventSource: Source });

/** A server's answer to nothing but the search for everything. */
const NOTHING = { entries: [], total: 0, generation: 1, progress: null };

const settled = () => new Promise(setImmediate);

function tell(generation) {
  const data = JSON.stringify({ generation });
  sources.at(-1)?.dispatchEvent(Object.assign(new Event("generation"), { data }));
}

test("a list that failed is asked for again as soon as events come", async () => {
  mock.timers.enable({ apis: ["setTimeout"] }); // No wait ends by itself.
  const answers = [() => Promise.reject(new Error("no connection")), async () => NOTHING];
  let asked = 0;
  const api = { base: "v1", entries: () => answers[Math.min(asked++, 1)]() };
  const shown = [];
  const owner = {
    capacity: () => ({ first: 0, end: 10 }),
    holdsPlace: () => true,
    show: (results) => shown.push(results.summary.generation),
    ...{ render() {}, warn() {}, wait() {}, changed() {}, connection() {} },
  };
  const search = new Search(api, EVERYTHING, { sort: "name", order: "asc" }, 100, owner);
  search.setListening(true);
  await settled();
  assert.deepEqual([asked, shown], [1, []]);
  tell(1);
  await settled();
  assert.deepEqual([asked, shown], [2, [1]]);
  tell(1);
  await settled();
  assert.equal(asked, 2);
  search.close();
  mock.timers.reset();
});
