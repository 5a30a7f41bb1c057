/**
 * Where the curve of a loss goes.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { placesOf } from "../../../javascript/textual_inversion/pictures/learning_run.mjs";

test("the loss falls from the upper left to the best look", () => {
  const { points, best } = placesOf([[0, 0.06], [10, 0.04], [20, 0.02], [40, 0.03]]);
  assert.equal(best, 2);
  const rounded = points.map((point) => point.map(Math.round));
  assert.deepEqual(rounded, [[6, 6], [103, 36], [200, 66], [394, 51]]);
});

test("a loss that does not change is a line", () => {
  const { points } = placesOf([[0, 0.5], [10, 0.5]]);
  assert.deepEqual(points.map(([, y]) => y), [6, 6]);
});
