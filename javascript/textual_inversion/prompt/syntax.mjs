/**
 * Find the parts of a prompt that the WebUI does not read as text: brackets, the colons
 * and pipes that divide a group, weights, and extra networks.
 *
 * A bracket that nothing opened, a colon outside of a weight and a pipe outside of an
 * alternation are text to the host, and so is all of it behind a backslash.
 */

/**
 * `mark` divides `[a:b:0.5]` and `[a|b]`; `weight` is the number that ends a group, with
 * its colon; `network` is `<lora:name:1>`.
 *
 * @typedef {"open" | "close" | "mark" | "weight" | "network"} SyntaxKind
 */

/**
 * @typedef {object} Syntax
 * @property {SyntaxKind} kind
 * @property {number} end
 * @property {number} [mate] Where the bracket that pairs with this one starts.
 */

/** @typedef {Map<number, Syntax>} SyntaxMap What starts at each offset. */
/** @typedef {{symbol: string, start: number}} Divider */
/** @typedef {{start: number, dividers: Divider[]}} Group */

const NETWORK_HEAD = /<[\p{L}\p{N}_]+:/uy;
const WEIGHT = /:\s*[-+]?[.\d]+\s*/y;
const AND = /(?<![\p{L}\p{N}_])AND(?![\p{L}\p{N}_])/u;

/**
 * @param {string} prompt
 * @returns {SyntaxMap}
 */
export function findSyntax(prompt) {
  const syntax = composedWeights(prompt);
  /** @type {Group[]} */
  const round = [];
  /** @type {Group[]} */
  const square = [];
  let colon = 0;
  for (const { symbol, start, end } of symbols(prompt)) {
    const groups = symbol === "(" || symbol === ")" ? round : square;
    if (symbol === "<") {
      syntax.set(start, { kind: "network", end });
    } else if (symbol === "(" || symbol === "[") {
      groups.push({ start, dividers: [] });
      syntax.set(start, { kind: "open", end });
    } else if (symbol === ")" || symbol === "]") {
      const group = groups.pop();
      if (group) closeGroup(syntax, prompt, group, start, colon);
    } else {
      if (symbol === ":") colon = start;
      innermost(round, square)?.dividers.push({ symbol, start });
    }
  }
  return syntax;
}

/**
 * Return where a sticky pattern ends that starts at `start`, or 0 if it does not match.
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
 * Yield every bracket, colon, pipe and extra network that is not escaped.
 *
 * @param {string} prompt
 */
function* symbols(prompt) {
  const pattern = /\\[()[\]\\:|]|[()[\]:|<]/g;
  const lastClose = prompt.lastIndexOf(">");
  for (let match = pattern.exec(prompt); match; match = pattern.exec(prompt)) {
    const { 0: symbol, index: start } = match;
    if (symbol.length > 1) continue;
    const end = symbol === "<" ? networkEnd(prompt, start, lastClose) : start + 1;
    if (!end) continue;
    yield { symbol, start, end };
    pattern.lastIndex = end;
  }
}

/**
 * Return where the extra network ends that starts here, or 0 if none does.
 *
 * @param {string} prompt
 * @param {number} start
 * @param {number} lastClose Bounds the search, which each "<a:" would take to the end.
 */
function networkEnd(prompt, start, lastClose) {
  const body = start < lastClose ? matchEnd(NETWORK_HEAD, prompt, start) : 0;
  const close = body ? prompt.indexOf(">", body) : -1;
  return close > body ? close + 1 : 0;
}

/**
 * @param {Group[]} round
 * @param {Group[]} square
 */
function innermost(round, square) {
  const [a, b] = [round[round.length - 1], square[square.length - 1]];
  return a && b ? (a.start > b.start ? a : b) : (a ?? b);
}

/**
 * @param {SyntaxMap} syntax
 * @param {string} prompt
 * @param {Group} group
 * @param {number} close Where its closing bracket stands.
 * @param {number} colon The last one before that bracket.
 */
function closeGroup(syntax, prompt, { start, dividers }, close, colon) {
  syntax.set(start, { kind: "open", end: start + 1, mate: close });
  syntax.set(close, { kind: "close", end: close + 1, mate: start });
  const shape = dividers.map(({ symbol }) => symbol).join("");
  const weighted = matchEnd(WEIGHT, prompt, colon) === close;
  const divided = prompt[start] === "[" && (weighted ? /^::?$/ : /^\|+$/).test(shape);
  for (const divider of divided ? dividers : []) {
    syntax.set(divider.start, { kind: "mark", end: divider.start + 1 });
  }
  if (weighted && (divided || prompt[start] === "(")) syntax.set(colon, { kind: "weight", end: close });
}

/**
 * Find the weights of a composed prompt, `a:0.7 AND b:0.3`, which stand in no bracket.
 *
 * @param {string} prompt
 * @returns {SyntaxMap}
 */
function composedWeights(prompt) {
  if (!AND.test(prompt)) return new Map();
  const weight = /:\s*[-+]?(?:\d+\.?|\d*\.\d+)(?=\s*$|\s+AND(?![\p{L}\p{N}_]))/gu;
  return new Map(
    Array.from(prompt.matchAll(weight), ({ 0: text, index }) => [index, { kind: "weight", end: index + text.length }]),
  );
}
