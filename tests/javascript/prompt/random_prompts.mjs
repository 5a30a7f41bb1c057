/**
 * Make random prompts from a seed, so that a sample that failed can be made again.
 */

/**
 * @typedef {object} Random
 * @property {(limit: number) => number} below Return a whole number from 0, less than the limit.
 * @property {<T>(choices: readonly T[]) => T} pick
 */

/**
 * Return an xorshift generator.
 *
 * @param {number} seed Any whole number but 0.
 * @returns {Random}
 */
export function seeded(seed) {
  let state = seed | 0;
  /** @param {number} limit */
  const below = (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
  return { below, pick: (choices) => choices[below(choices.length)] };
}

/** @param {string} text */
const rows = (text) => text.split("/");

const WORDS = rows("cat/catalog/a photo of/16:9/emb_1x5/v1.5/saber \\(fate\\)/Ω/猫/😁/don't/and/break");
const STRAYS = rows("(x/x)/[x/x]/x | y/x: y/C:\\x/a < b/<-/end./really?!/.../x \\/# (x\n/dog # [x: y\n");
const NETWORKS = rows("<lora:bad:1>/<hypernet:x, y:0.5>");
const JOINTS = rows(", /, /, /, /,/ /  / , /,, /，/. /,\n/\n/\n\n/ BREAK /\nBREAK\n/ AND /:0.7 AND ");
const ENDS = rows("/// /, /,/\n/ BREAK/AND /:1.2");
const WEIGHTS = rows("1.2/0.5/-1/ 1");
const DEPTH = 2;

/**
 * Build a prompt from pieces of the grammar, right and wrong ones; no group is empty.
 *
 * @param {Random} random
 * @param {readonly string[]} words More words to use, escaped where they need it.
 */
export function randomPrompt(random, words) {
  const body = random.below(40) ? list(random, words, DEPTH) : "";
  return random.pick(ENDS) + body + random.pick(ENDS);
}

/**
 * @param {Random} random
 * @param {readonly string[]} words
 * @param {number} depth
 */
function list(random, words, depth) {
  let text = item(random, words, depth);
  for (let more = random.below(5); more > 0; more -= 1) {
    text += random.pick(JOINTS) + item(random, words, depth);
  }
  return text;
}

/**
 * @param {Random} random
 * @param {readonly string[]} words
 * @param {number} depth
 * @returns {string}
 */
function item(random, words, depth) {
  const inner = () => list(random, words, depth - 1);
  const makers = [
    () => random.pick(WORDS),
    () => random.pick(words),
    () => random.pick(STRAYS),
    () => random.pick(NETWORKS) + random.pick(["", " ", "cat"]),
    () => `(${inner()})${random.pick(["", "", "(cat)", "s"])}`,
    () => `(${inner()}:${random.pick(WEIGHTS)})`,
    () => `((${inner()}))`,
    () => `[${inner()}]`,
    () => `[${inner()}:${inner()}:${random.pick(WEIGHTS)}]`,
    () => `[${inner()}${random.pick([":", "::"])}0.5]`,
    () => `[${inner()}|${random.pick(["", "cat", inner()])}]`,
  ];
  return makers[random.below(depth > 0 ? makers.length : 4)]();
}
