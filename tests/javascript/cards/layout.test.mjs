import assert from "node:assert/strict";
import { test } from "node:test";

import {
  fullHeight,
  layOut,
  layOutRows,
  pictureWidth,
  placeOf,
  scrollAfterMove,
  scrollToShow,
  step,
  windowAt,
} from "../../../javascript/textual_inversion/cards/layout.mjs";

const EM = 16;
// Four columns of 150 by 220, 10 apart.
const LAYOUT = { columns: 4, cardWidth: 150, cardHeight: 220, columnStep: 160, rowStep: 230 };

test("every width from a phone's to a wall's is filled with cards, at least two beside each other", () => {
  for (let width = 300; width <= 4000; width += 7) {
    const { columns, cardWidth, columnStep } = layOut(width, EM);
    const used = (columns - 1) * columnStep + cardWidth;
    assert.ok(columns >= 2, `${width}: ${columns} columns`);
    assert.ok(used <= width && used > width - columns, `${width}: ${used} used`);
  }
});

test("a wide grid has larger cards, so that their number stays small", () => {
  assert.ok(layOut(2300, EM).cardWidth > layOut(900, EM).cardWidth);
  assert.ok(layOut(2300, EM).columns <= 11);
});

test("a list has one row a card, without a gap, and asks for small pictures", () => {
  const rows = layOutRows(1200, EM);
  assert.equal(rows.columns, 1);
  assert.equal(rows.cardWidth, 1200);
  assert.equal(rows.rowStep, rows.cardHeight);
  assert.equal(pictureWidth(rows, 1), 128);
  assert.equal(step("ArrowDown", 3, rows, 10, 400), 4);
});

test("the height is that of all rows, and nothing where there are none", () => {
  assert.equal(fullHeight(LAYOUT, 0), 0);
  assert.equal(fullHeight(LAYOUT, 4), 220);
  assert.equal(fullHeight(LAYOUT, 5), 450);
});

test("the window holds the rows in sight and those that a small step shows, and ends with the list", () => {
  assert.deepEqual(windowAt(LAYOUT, 100, 0, 400), { first: 0, end: 12 });
  assert.deepEqual(windowAt(LAYOUT, 100, 460, 400), { first: 4, end: 20 });
  assert.deepEqual(windowAt(LAYOUT, 100, 600, 400), { first: 8, end: 20 });
  assert.deepEqual(windowAt(LAYOUT, 10, 460, 400), { first: 4, end: 10 });
  assert.deepEqual(windowAt(LAYOUT, 3, 9999, 400), { first: 3, end: 3 });
});

test("every card in sight is in the window, at every scroll position", () => {
  for (let scrollTop = 0; scrollTop < 5000; scrollTop += 37) {
    const { first, end } = windowAt(LAYOUT, 90, scrollTop, 500);
    for (let index = 0; index < 90; index += 1) {
      const { top } = placeOf(LAYOUT, index);
      const isSeen = top < scrollTop + 500 && top + LAYOUT.cardHeight > scrollTop;
      assert.ok(!isSeen || (index >= first && index < end), `card ${index} at ${scrollTop}`);
    }
  }
});

test("a card that is in sight needs no scrolling, another as little as shows it whole", () => {
  assert.equal(scrollToShow(LAYOUT, 5, 100, 600), 100);
  assert.equal(scrollToShow(LAYOUT, 0, 100, 600), 0);
  assert.equal(scrollToShow(LAYOUT, 40, 0, 600), 10 * 230 + 220 - 600);
});

test("a card that moved down in the list stays where it is seen", () => {
  assert.equal(scrollAfterMove(LAYOUT, 40, 41, 2300), 2300);
  assert.equal(scrollAfterMove(LAYOUT, 40, 44, 2300), 2530);
  assert.equal(scrollAfterMove(LAYOUT, 40, 0, 200), 0);
});

test("keys move by card, row, page and to the ends, and never out of the list", () => {
  const cases = /** @type {const} */ ([
    ["ArrowRight", 0, 1],
    ["ArrowLeft", 0, 0],
    ["ArrowDown", 1, 5],
    ["ArrowUp", 5, 1],
    ["ArrowUp", 1, 1],
    ["ArrowDown", 7, 9], // The last row is short.
    ["ArrowDown", 9, 9],
    ["PageDown", 0, 8],
    ["PageDown", 8, 9],
    ["PageUp", 9, 1],
    ["PageUp", 3, 0],
    ["Home", 7, 0],
    ["End", 2, 9],
    ["a", 2, undefined],
  ]);
  for (const [key, from, to] of cases) assert.equal(step(key, from, LAYOUT, 10, 460), to, `${key} from ${from}`);
});
