/**
 * Work out where the cards of a grid are, and which of them can be seen.
 *
 * Pure functions of numbers. All sizes are CSS pixels.
 */

/**
 * @typedef {object} Layout
 * @property {number} columns
 * @property {number} cardWidth
 * @property {number} cardHeight
 * @property {number} columnStep From one card to the next one beside it.
 * @property {number} rowStep
 * @property {number} pictureSide
 */

// In ems: the gap between cards, and the height of the words below a picture.
const GAP = 0.75;
const CAPTION = 5;
/** In ems: the height of a row in a list. */
const ROW = 3.25;
/** How far beyond what is seen cards exist: further than the browser scrolls before they come. */
const BEYOND = 128;
const PICTURE_STEP = 128;
// A card's least width in ems; it grows with the grid, so that cards stay readable and few.
const LEAST = { narrowest: 7.5, base: 5.5, share: 0.06, widest: 12.5 };

/**
 * @param {number} width Of the grid.
 * @param {number} em
 * @param {number} [scale] How much wider than usual people want the cards.
 * @returns {Layout}
 */
export function layOut(width, em, scale = 1) {
  const gap = GAP * em;
  const grown = LEAST.base * em + LEAST.share * width;
  const usual = Math.min(Math.max(LEAST.narrowest * em, grown), LEAST.widest * em);
  const least = Math.min(Math.max(LEAST.narrowest * em, usual * scale), width);
  const columns = Math.max(1, Math.floor((width + gap) / (least + gap)));
  const cardWidth = Math.floor((width - gap * (columns - 1)) / columns);
  const cardHeight = Math.round(cardWidth + CAPTION * em);
  const steps = { columnStep: cardWidth + gap, rowStep: cardHeight + gap };
  return { columns, cardWidth, cardHeight, ...steps, pictureSide: cardWidth };
}

/**
 * Lay cards out as the rows of a list, one below the other.
 *
 * @param {number} width Of the list.
 * @param {number} em
 * @returns {Layout}
 */
export function layOutRows(width, em) {
  const height = Math.round(ROW * em);
  return { columns: 1, cardWidth: width, cardHeight: height, columnStep: width, rowStep: height, pictureSide: height };
}

/**
 * @param {Layout} layout
 * @param {number} total
 */
export function fullHeight({ columns, cardHeight, rowStep }, total) {
  const rows = Math.ceil(total / columns);
  return rows ? (rows - 1) * rowStep + cardHeight : 0;
}

/**
 * Return how many pixels of the screen a picture is asked for with, in steps so that few are made.
 *
 * @param {Layout} layout
 * @param {number} ratio Pixels of the screen in a CSS pixel.
 */
export function pictureWidth({ pictureSide }, ratio) {
  return Math.ceil((pictureSide * ratio) / PICTURE_STEP) * PICTURE_STEP;
}

/**
 * Return the range of cards that can be seen, or will be with the next small step on either side.
 *
 * @param {Layout} layout
 * @param {number} total
 * @param {number} scrollTop
 * @param {number} height Of what is seen.
 * @returns {{first: number, end: number}}
 */
export function windowAt({ columns, rowStep }, total, scrollTop, height) {
  const firstRow = Math.max(0, Math.floor((scrollTop - BEYOND) / rowStep));
  const endRow = Math.ceil((scrollTop + height + BEYOND) / rowStep);
  const first = Math.min(firstRow * columns, total);
  return { first, end: Math.max(first, Math.min(endRow * columns, total)) };
}

/**
 * @param {Layout} layout
 * @param {number} index
 * @returns {{left: number, top: number}}
 */
export function placeOf({ columns, columnStep, rowStep }, index) {
  return { left: (index % columns) * columnStep, top: Math.floor(index / columns) * rowStep };
}

/**
 * Return the scroll position that shows a card with as little movement as can be.
 *
 * @param {Layout} layout
 * @param {number} index
 * @param {number} scrollTop
 * @param {number} height
 */
export function scrollToShow(layout, index, scrollTop, height) {
  const { top } = placeOf(layout, index);
  return Math.min(top, Math.max(scrollTop, top + layout.cardHeight - height));
}

/**
 * Return the scroll position that leaves a card where it is seen, after it moved in the list.
 *
 * @param {Layout} layout
 * @param {number} before Its old index.
 * @param {number} after
 * @param {number} scrollTop
 */
export function scrollAfterMove(layout, before, after, scrollTop) {
  return Math.max(0, scrollTop + placeOf(layout, after).top - placeOf(layout, before).top);
}

/**
 * Return the card that a key leads to, or undefined for a key that leads nowhere.
 *
 * @param {string} key
 * @param {number} index
 * @param {Layout} layout
 * @param {number} total
 * @param {number} height
 */
export function step(key, index, { columns, rowStep }, total, height) {
  const page = Math.max(1, Math.floor(height / rowStep)) * columns;
  /** @type {Record<string, number>} */
  const steps = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    PageUp: -page,
    PageDown: page,
    Home: -index,
    End: total - 1 - index,
  };
  if (!(key in steps)) return undefined;
  const next = index + steps[key];
  if (next >= 0 && next < total) return next;
  // Up from the first row and down from the last full one stay in the column.
  return key.startsWith("Page") || (key === "ArrowDown" && hasRowBelow(index, columns, total))
    ? Math.min(Math.max(next, 0), total - 1)
    : index;
}

/**
 * @param {number} index
 * @param {number} columns
 * @param {number} total
 */
function hasRowBelow(index, columns, total) {
  return Math.floor(index / columns) < Math.floor((total - 1) / columns);
}
