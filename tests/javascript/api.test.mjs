import assert from "node:assert/strict";
import { test } from "node:test";

import { Api } from "../../javascript/textual_inversion/api.mjs";

const { signal } = new AbortController();

/** Return why there were no entries, where the browser had this error. */
async function reasonOf(context, error) {
  context.mock.method(globalThis, "fetch", () => Promise.reject(error));
  return new Api().entries({}, signal).then(
    () => "",
    ({ message }) => message,
  );
}

test("a server that is gone has a sentence of ours, in every browser", async (context) => {
  const words = "the server does not answer";
  assert.equal(await reasonOf(context, new TypeError("Failed to fetch")), words);
  context.mock.restoreAll();
  assert.equal(await reasonOf(context, new TypeError("NetworkError when attempting to fetch resource.")), words);
});

test("a server that hangs has another", async (context) => {
  const hung = new DOMException("signal timed out", "TimeoutError");
  assert.equal(await reasonOf(context, hung), "the server has not answered for 15 seconds");
});

test("a question that is not asked any more is no problem of the server", async (context) => {
  const aborted = new DOMException("aborted", "AbortError");
  assert.equal(await reasonOf(context, aborted), "aborted");
});
