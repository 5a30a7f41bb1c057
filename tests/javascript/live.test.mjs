import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { listen } from "../../javascript/textual_inversion/live.mjs";

const LOST = "Not connected. Trying again …";
const REFUSED = "The server no longer has embeddings for this page. Reload it.";

/** A source of events that a test moves by hand. */
class Source extends EventTarget {
  static CLOSED = 2;
  static all = [];
  readyState = 0;

  constructor(address) {
    super();
    this.address = address;
    Source.all.push(this);
  }

  tell(generation) {
    const data = JSON.stringify({ generation });
    this.dispatchEvent(Object.assign(new Event("generation"), { data }));
  }

  async fail(readyState = 0) {
    this.readyState = readyState;
    this.dispatchEvent(new Event("error"));
    await new Promise(setImmediate);
  }

  close() {
    this.readyState = Source.CLOSED;
  }
}

const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
Object.assign(globalThis, { document, EventSource: Source });

let [addresses, asked] = [0, 0];

/** Follow a server of its own, which answers what is asked beside events with a status; 0 is no answer. */
function follow(status) {
  asked = 0;
  mock.method(globalThis, "fetch", () => {
    asked += 1;
    return status ? Promise.resolve({ status }) : Promise.reject(new TypeError("no connection"));
  });
  const problems = [];
  const stop = listen(`events-${(addresses += 1)}`, { changed: () => {}, connection: (problem) => problems.push(problem) });
  return { problems, stop };
}

beforeEach(() => {
  Source.all = [];
  mock.reset();
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

/** Return how long the page waits before it connects again, in seconds. */
function secondsUntilNext() {
  const before = Source.all.length;
  for (let seconds = 1; seconds <= 100; seconds += 1) {
    mock.timers.tick(1000);
    if (Source.all.length > before) return seconds;
  }
  return Infinity;
}

/** Follow a server that refuses for a minute. */
async function refused() {
  const followed = follow(404);
  for (let tries = 0; tries < 6; tries += 1) {
    await Source.all.at(-1).fail(Source.CLOSED);
    secondsUntilNext();
  }
  await Source.all.at(-1).fail(Source.CLOSED);
  return followed;
}

test("a connection that is lost is made again, with waits that grow to a minute", async () => {
  const { problems, stop } = follow(0);
  const waits = [];
  for (let tries = 0; tries < 9; tries += 1) {
    await Source.all.at(-1).fail(tries % 2 ? Source.CLOSED : 0);
    waits.push(secondsUntilNext());
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  assert.deepEqual(problems, [LOST]);
  Source.all.at(-1).tell(2);
  assert.deepEqual(problems, [LOST, ""]);
  await Source.all.at(-1).fail();
  assert.equal(secondsUntilNext(), 1);
  stop();
});

test("a connection that breaks is the page's own to make again", async () => {
  const { stop } = follow(200);
  const [source] = Source.all;
  await source.fail();
  assert.equal(source.readyState, Source.CLOSED);
  assert.equal(asked, 0);
  stop();
});

for (const status of [403, 404])
  test(`a server that starts refuses with ${status} at first, and is followed as soon as it is ready`, async () => {
    const { problems, stop } = follow(status);
    for (const wait of [1, 2, 4, 8]) {
      await Source.all.at(-1).fail(Source.CLOSED);
      assert.equal(secondsUntilNext(), wait);
    }
    Source.all.at(-1).tell(1);
    assert.deepEqual(problems, [LOST, ""]);
    stop();
  });

test("a server that was away for long and refuses is tried again soon", async () => {
  const { stop } = follow(404);
  for (let tries = 0; tries < 8; tries += 1) {
    await Source.all.at(-1).fail();
    secondsUntilNext();
  }
  await Source.all.at(-1).fail(Source.CLOSED);
  assert.equal(secondsUntilNext(), 1);
  stop();
});

test("whoever is refused for a minute is told to reload, and still recovers", async () => {
  const { problems, stop } = await refused();
  assert.deepEqual(problems, [LOST, REFUSED]);
  assert.equal(secondsUntilNext(), 60);
  Source.all.at(-1).tell(1);
  assert.deepEqual(problems, [LOST, REFUSED, ""]);
  stop();
});

test("who comes or goes meanwhile has nobody ask sooner", async () => {
  const { stop } = await refused();
  const [before, { address }] = [Source.all.length, Source.all.at(-1)];
  const problems = [];
  const leave = listen(address, { changed: () => {}, connection: (problem) => problems.push(problem) });
  assert.deepEqual(problems, [REFUSED]);
  leave();
  assert.equal(Source.all.length, before);
  assert.equal(secondsUntilNext(), 60);
  stop();
});

for (const status of [401, 200, 503])
  test(`a server that answers ${status} is tried again`, async () => {
    const { problems, stop } = follow(status);
    await Source.all[0].fail(Source.CLOSED);
    assert.equal(secondsUntilNext(), 1);
    assert.deepEqual(problems, []);
    stop();
  });

test("jobs reach those who follow them", () => {
  const jobs = [];
  const stops = [
    listen("events-of-jobs", { changed: () => {}, connection: () => {}, job: ({ id }) => jobs.push(id) }),
    listen("events-of-jobs", { changed: () => {}, connection: () => {} }),
  ];
  const data = JSON.stringify({ id: "5f0c" });
  Source.all.at(-1).dispatchEvent(Object.assign(new Event("job"), { data }));
  assert.deepEqual(jobs, ["5f0c"]);
  for (const stop of stops) stop();
});

test("whoever listens later is told of a problem that there is", async () => {
  const { stop } = await refused();
  const problems = [];
  const stopLater = listen(`events-${addresses}`, { changed: () => {}, connection: (problem) => problems.push(problem) });
  assert.deepEqual(problems, [REFUSED]);
  stop();
  stopLater();
});
