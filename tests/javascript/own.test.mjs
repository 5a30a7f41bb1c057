import assert from "node:assert/strict";
import { test } from "node:test";

import { Own } from "../../javascript/textual_inversion/own.mjs";

test("of many favourites the server gets as many at once as it takes", async (context) => {
  const sent = [];
  context.mock.method(globalThis, "fetch", async (_address, { body }) => {
    sent.push(JSON.parse(body).ids);
    return new Response("{}");
  });
  await new Own("", { ids: 2 }).mark(["a", "b", "c", "d", "e"], true);
  assert.deepEqual(sent, [["a", "b"], ["c", "d"], ["e"]]);
});
