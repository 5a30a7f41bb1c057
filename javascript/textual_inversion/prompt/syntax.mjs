/**
 * Find the parts of a prompt that the host does not read as text, in the order in which it removes them:
 * comments, extra networks, AND, prompt editing, brackets and weights, BREAK.
 *
 * Anything that is not well formed is text, as it is to the host.
 */

/**
 * `mark` divides `[a:b:0.5]` and `[a|b]`; `weight` is the number that ends a group or a part, with
 * its colon; `network` is `<lora:name:1>`; `reserved` is AND or BREAK.
 *
 * @typedef {"comment" | "network" | "reserved" | "open" | "close" | "mark" | "weight"} SyntaxKind
 */

/**
 * @typedef {object} Syntax
 * @property {SyntaxKind} kind
 * @property {number} end
 * @property {number} [mate] Where the bracket that pairs with this one starts.
 */

/** @typedef {Map<number, Syntax>} SyntaxMap The syntax that starts at each offset. */
/** @typedef {{start: number, end: number}} Range */
/** @typedef {{bracket: string, start: number, shape: string, dividers: number[]}} Group */
/** @typedef {{open: number, close: number, marks: number[], weight?: number}} EditGroup */

const COMMENT = /#[^\n]*/g;
const NETWORK = /<[\p{L}\p{N}_]+:[^>]+>/gu;
const AND = /(?<![\p{L}\p{N}_])AND(?![\p{L}\p{N}_])/gu;
const BREAK = /(?<![\p{L}\p{N}_])BREAK(?![\p{L}\p{N}_])/gu;
const PART_WEIGHT = /:\s*[-+]?(?:\p{Nd}+\.?|\p{Nd}*\.\p{Nd}+)$/u;
const EDIT_SYMBOL = /\\[^\n]?|[()[\]:|]/g;
const STEP = /\s*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\s*/y;
const WEIGHT_SYMBOL = /\\[()[\]\\]?|[()[\]]|:\s*[-+]?[.\p{Nd}]+\s*\)/gu;
const CLOSED_BY = new Map([
  ["(", ")"],
  ["[", "]"],
]);

/**
 * @param {string} prompt
 * @param {boolean} isNegative In a negative prompt the host knows neither AND nor extra networks.
 * @returns {SyntaxMap}
 */
export function findSyntax(prompt, isNegative) {
  /** @type {SyntaxMap} */
  const syntax = new Map();
  let text = takeOut(syntax, "comment", prompt, prompt.matchAll(COMMENT), "\n");
  // After the last ">" no network can end, but each "<a:" would be searched to the end.
  if (!isNegative)
    text = takeOut(syntax, "network", text, text.slice(0, text.lastIndexOf(">") + 1).matchAll(NETWORK), " ");
  for (const part of isNegative ? [{ start: 0, end: text.length }] : takeParts(syntax, text)) {
    for (const edit of findEdits(text, part)) takeEdit(syntax, edit);
    takeBrackets(syntax, text, part);
  }
  takeOut(syntax, "reserved", text, text.matchAll(BREAK), " ");
  return new Map([...syntax].sort(([a], [b]) => a - b));
}

/**
 * Return the end of a sticky pattern's match at `start`, or 0 if it does not match.
 *
 * @param {RegExp} pattern
 * @param {string} prompt
 * @param {number} start
 */
export function matchEnd(pattern, prompt, start) {
  pattern.lastIndex = start;
  return pattern.test(prompt) ? pattern.lastIndex : 0;
}

/**
 * Add matches to the syntax, and return the text with white space in their place.
 *
 * @param {SyntaxMap} syntax
 * @param {SyntaxKind} kind
 * @param {string} text
 * @param {Iterable<RegExpExecArray>} matches
 * @param {string} blank
 */
function takeOut(syntax, kind, text, matches, blank) {
  let [rest, at] = ["", 0];
  for (const { 0: found, index } of matches) {
    syntax.set(index, { kind, end: index + found.length });
    rest += text.slice(at, index) + blank.repeat(found.length);
    at = index + found.length;
  }
  return rest + text.slice(at);
}

/**
 * Add each AND and the weights of the parts between them, `a:0.7 AND b:0.3`, and return the parts.
 *
 * Even without AND the host takes a number at the end for a weight. People mean none, as in 16:9, and any text
 * inserted after it makes it text, so it is text here.
 *
 * @param {SyntaxMap} syntax
 * @param {string} text
 * @returns {Range[]}
 */
function takeParts(syntax, text) {
  const ands = Array.from(text.matchAll(AND), ({ index }) => index);
  for (const start of ands) syntax.set(start, { kind: "reserved", end: start + "AND".length });
  return [0, ...ands.map((and) => and + "AND".length)].map((start, at) => {
    const part = text.slice(start, ands[at]).trimEnd();
    const end = start + part.length;
    const weight = ands.length ? part.slice(Math.max(0, part.lastIndexOf(":"))).match(PART_WEIGHT) : null;
    if (!weight) return { start, end };
    syntax.set(end - weight[0].length, { kind: "weight", end });
    return { start, end: start + part.slice(0, -weight[0].length).trimEnd().length };
  });
}

/**
 * Return the groups of a part that change it at some step.
 *
 * A group that is not well formed is text, and so are the groups around it. A part has no groups if it has a
 * pipe outside an alternation, or a backslash at the end of a line.
 *
 * @param {string} text
 * @param {Range} part
 * @returns {EditGroup[]}
 */
function findEdits(text, part) {
  /** @type {EditGroup[]} */
  const edits = [];
  /** @type {Group[]} */
  let groups = [{ bracket: "", start: part.start, shape: "", dividers: [] }];
  for (const { 0: symbol, index } of text.slice(part.start, part.end).matchAll(EDIT_SYMBOL)) {
    const [start, group] = [part.start + index, groups[groups.length - 1]];
    if (symbol === "\\") return [];
    if (CLOSED_BY.has(symbol)) {
      groups.push({ bracket: symbol, start, shape: "", dividers: [] });
    } else if (symbol === ":" || symbol === "|") {
      group.shape += symbol;
      group.dividers.push(start);
    } else if (symbol.length === 1) {
      const closed = closeGroup(text, group, start);
      if (closed) groups.pop();
      else groups = [joinGroups(groups)];
      if (closed && closed !== "text") edits.push(closed);
    }
  }
  return joinGroups(groups).shape.includes("|") ? [] : edits;
}

/**
 * Return the group that a bracket at `close` ends; null if it is not well formed.
 *
 * @param {string} text
 * @param {Group} group
 * @param {number} close
 * @returns {EditGroup | "text" | null}
 */
function closeGroup(text, { bracket, start: open, shape, dividers }, close) {
  if (CLOSED_BY.get(bracket) !== text[close]) return null;
  if (!shape || (shape === ":" && bracket === "(")) return "text";
  if (bracket === "(") return null;
  if (/^\|+$/.test(shape)) return { open, close, marks: dividers };
  const weight = dividers[dividers.length - 1];
  const isEdit = /^::?$/.test(shape) && matchEnd(STEP, text, weight + 1) === close;
  return isEdit ? { open, close, marks: dividers.slice(0, -1), weight } : null;
}

/**
 * Return the outermost group, with the pipes of all that are open in it.
 *
 * @param {Group[]} groups
 */
function joinGroups([outermost, ...inner]) {
  for (const { shape } of inner) outermost.shape += shape.replaceAll(":", "");
  return outermost;
}

/**
 * @param {SyntaxMap} syntax
 * @param {EditGroup} edit
 */
function takeEdit(syntax, { open, close, marks, weight }) {
  pair(syntax, open, close);
  for (const mark of marks) syntax.set(mark, { kind: "mark", end: mark + 1 });
  if (weight !== undefined) syntax.set(weight, { kind: "weight", end: close });
}

/**
 * Add the brackets of a part that weigh its text, and the numbers in them.
 *
 * @param {SyntaxMap} syntax
 * @param {string} text
 * @param {Range} part
 */
function takeBrackets(syntax, text, part) {
  /** @type {number[]} */
  const round = [];
  /** @type {number[]} */
  const square = [];
  for (const { 0: symbol, index } of text.slice(part.start, part.end).matchAll(WEIGHT_SYMBOL)) {
    const start = part.start + index;
    const last = start + symbol.length - 1;
    if (syntax.has(start) || symbol.startsWith("\\")) continue;
    if (CLOSED_BY.has(symbol)) {
      (symbol === "(" ? round : square).push(start);
      syntax.set(start, { kind: "open", end: start + 1 });
    } else {
      const open = (symbol === "]" ? square : round).pop();
      if (open === undefined) continue;
      pair(syntax, open, last);
      if (start < last) syntax.set(start, { kind: "weight", end: last });
    }
  }
}

/**
 * @param {SyntaxMap} syntax
 * @param {number} open
 * @param {number} close
 */
function pair(syntax, open, close) {
  syntax.set(open, { kind: "open", end: open + 1, mate: close });
  syntax.set(close, { kind: "close", end: close + 1, mate: open });
}
