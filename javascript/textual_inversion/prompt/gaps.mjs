/**
 * Know the places of a prompt where a name can be, and what parts it from its neighbours.
 */

/** @typedef {import("./pieces.mjs").Piece} Piece */
/** @typedef {import("./pieces.mjs").Kind} Kind */

/**
 * How a name is parted from a neighbour: not at all, by a space, or by the separator.
 *
 * @typedef {"none" | "space" | "separator"} Bond
 */

/**
 * The white space and separators, maybe none, between two neighbours.
 *
 * @typedef {object} Gap
 * @property {number} start
 * @property {number} end
 * @property {Bond} left
 * @property {Bond} right
 */

/** @type {Partial<Record<Kind, Bond>>} */
const BONDS = { mark: "none", weight: "none", newline: "none", reserved: "space", comment: "space" };

/** Nothing can be written behind these: a weight ends its group, a comment its line. */
const ENDS = new Set(["weight", "comment"]);

/** How strong a text must be to make the bond. */
const STRENGTHS = { none: 0, space: 1, separator: 2 };

/**
 * Return the pieces that can be a name's neighbours.
 *
 * @param {Piece[]} pieces
 */
export function neighbours(pieces) {
  return pieces.filter(({ kind }) => kind !== "space" && kind !== "separator");
}

/**
 * Return the gap between two neighbours; the field ends where there is none.
 *
 * @param {string} prompt
 * @param {Piece | undefined} before
 * @param {Piece | undefined} after
 * @returns {Gap}
 */
export function gapBetween(prompt, before, after) {
  return {
    start: before ? before.end : 0,
    end: after ? after.start : prompt.length,
    left: bond(before, "open"),
    right: bond(after, "close"),
  };
}

/**
 * Tell whether the text of a gap is left of a name that is written into it.
 *
 * @param {Gap} gap
 */
export function staysLeft({ left, right }) {
  return left === "none" || (left === "space" && right !== "none");
}

/**
 * Tell which text stays in a gap when the name between the two goes: the one that was
 * there before the name, unless the other is better at parting the neighbours.
 *
 * @param {Gap} gap
 * @param {string} left
 * @param {string} right
 * @returns {boolean} True if the left one stays.
 */
export function leftRemains(gap, left, right) {
  const isLeft = staysLeft(gap);
  const [own, other] = isLeft ? [left, right] : [right, left];
  const needed = STRENGTHS[isLeft ? gap.left : gap.right];
  return Math.min(strength(other), needed) > strength(own) ? !isLeft : isLeft;
}

/**
 * Rank what parts two neighbours: 2 for a separator, 1 for white space, 0 for nothing.
 *
 * @param {string} text
 */
export function strength(text) {
  return text.trim() ? 2 : Math.min(text.length, 1);
}

/**
 * Return the gap nearest to the caret that can take a name, inside the caret's group.
 *
 * @param {string} prompt
 * @param {Piece[]} solids The neighbours of all gaps.
 * @param {number} caret
 * @param {string} separator
 * @returns {Gap}
 */
export function nearestGap(prompt, solids, caret, separator) {
  /** @param {number} index */
  const gapAt = (index) => gapBetween(prompt, solids[index - 1], solids[index]);
  /** @param {number} index */
  const fits = (index) => !ENDS.has(solids[index - 1]?.kind) && takesName(prompt, gapAt(index), separator);
  const next = solids.findIndex(({ end }) => end > caret);
  let left = next < 0 ? solids.length : next;
  let right = solids[left]?.start < caret ? left + 1 : left;
  // A group and the field both begin with a gap that fits.
  while (!fits(left)) left = overLeft(solids, left);
  while (right >= 0 && !fits(right)) right = overRight(solids, right);
  const toRight = right < 0 ? Infinity : gapAt(right).start - caret;
  return gapAt(toRight <= caret - gapAt(left).end ? right : left);
}

/**
 * @param {Piece | undefined} piece
 * @param {Kind} bracket The bracket that a name may touch on this side.
 * @returns {Bond}
 */
function bond(piece, bracket) {
  if (!piece || piece.kind === bracket) return "none";
  return BONDS[piece.kind] ?? "separator";
}

/**
 * Tell whether the gap's text parts the name from the neighbour on its side.
 *
 * @param {string} prompt
 * @param {Gap} gap
 * @param {string} separator
 */
function takesName(prompt, gap, separator) {
  const needed = STRENGTHS[staysLeft(gap) ? gap.left : gap.right];
  return strength(prompt.slice(gap.start, gap.end)) >= Math.min(needed, strength(separator));
}

/**
 * Step over the neighbour left of a gap, or over the whole group that it closes.
 *
 * @param {Piece[]} solids
 * @param {number} index
 */
function overLeft(solids, index) {
  const { kind, mate } = solids[index - 1];
  let next = index - 1;
  while (kind === "close" && solids[next].start !== mate) next -= 1;
  return next;
}

/**
 * Step over the neighbour right of a gap, or over the whole group that it opens.
 *
 * @param {Piece[]} solids
 * @param {number} index
 * @returns {number} -1 where the caret's own group ends.
 */
function overRight(solids, index) {
  const passed = solids[index];
  if (!passed || passed.kind === "close" || (passed.kind === "open" && passed.mate === undefined)) return -1;
  let next = index;
  while (passed.kind === "open" && solids[next].start !== passed.mate) next += 1;
  return next + 1;
}
