/**
 * Say in words what is to be known about one prompt.
 */

import { counted, number } from "../words.mjs";

/** @typedef {import("../api.mjs").Chunk} Chunk */
/** @typedef {import("../api.mjs").Lookalike} Lookalike */
/** @typedef {import("../api.mjs").Provenance} Provenance */
/** @typedef {import("../api.mjs").Report} Report */
/** @typedef {import("../api.mjs").Used} Used */

/** @typedef {{label: string, does: "convert"} | {label: string, does: "replace", lookalike: Lookalike}} Button */

/**
 * @typedef {object} Notice Something to be known: a name, and what there is to say about it.
 * @property {"warning" | "offer" | "used" | "meter"} kind
 * @property {string} name
 * @property {string} text Follows the name.
 * @property {Button} [button] Follows the text.
 */

const CHUNK_TOKENS = 75;
const LIST = new Intl.ListFormat("en");

/**
 * Return all notices, most important first; none for a prompt of ordinary words.
 *
 * @param {Report} report
 * @param {Provenance} [provenance] What a pasted infotext says of other files.
 * @returns {Notice[]}
 */
export function noticesOf(report, provenance) {
  return [
    ...report.shadowed.map(({ name, reason, instead }) =>
      warning(name, ` is not used: ${reason}; ${instead} is used instead`),
    ),
    ...report.unusable.map(({ name, reason }) => warning(name, ` is not used: ${reason}`)),
    ...report.used.filter(({ n_vectors }) => n_vectors > CHUNK_TOKENS).map(tooLong),
    ...differences(provenance),
    ...report.lookalikes.map(proposal),
    ...conversions(report),
    ...report.used.map(usage),
    ...meter(report.chunks),
  ];
}

/**
 * Say the notices in a few words, for those who hear and do not see them.
 *
 * @param {Notice[]} notices
 */
export function spoken(notices) {
  const sentences = notices
    .filter(({ kind }) => kind === "warning" || kind === "offer")
    .map(({ name, text, button }) => sentence(`${name}${text}${button?.does === "replace" ? ` ${button.label}` : ""}`));
  const used = notices.filter(({ kind }) => kind === "used").map(({ name }) => name);
  if (used.length) sentences.push(`Uses ${LIST.format(used)}.`);
  return sentences.join(" ");
}

/**
 * @param {string} name
 * @param {string} text
 * @returns {Notice}
 */
function warning(name, text) {
  return { kind: "warning", name, text };
}

/** @param {Used} used */
function tooLong({ name, n_vectors }) {
  return warning(name, ` has ${number(n_vectors)} vectors and does not fit into a chunk of ${CHUNK_TOKENS} tokens`);
}

/** @param {Provenance | undefined} provenance */
function differences(provenance) {
  const { missing = [], different = [], renamed = [] } = provenance ?? {};
  return [
    ...missing.map(({ name, hash }) => warning(name, ` (${hash}), which the picture used, is not here`)),
    ...different.map(({ name, hash, found }) =>
      warning(name, ` is another file here (${found}) than the picture used (${hash})`),
    ),
    ...renamed.map(({ name, now }) => warning(name, `, which the picture used, is called ${now} here`)),
  ];
}

/**
 * @param {Lookalike} lookalike
 * @returns {Notice}
 */
function proposal(lookalike) {
  const { text, name } = lookalike;
  const button = /** @type {const} */ ({ label: `${name}?`, does: "replace", lookalike });
  return { kind: "offer", name: text, text: ": did you mean", button };
}

/**
 * @param {Report} report
 * @returns {Notice[]} One for all forms together.
 */
function conversions({ forms }) {
  if (!forms.length) return [];
  const pairs = new Map(forms.map(({ text, replacement }) => [text, replacement]));
  const [[first, replacement], ...others] = pairs;
  const more = others.map(([text, becomes]) => `, ${text} → ${becomes}`).join("");
  const label = pairs.size > 1 ? `Convert all ${pairs.size}` : "Convert";
  return [{ kind: "offer", name: first, text: ` → ${replacement}${more}`, button: { label, does: "convert" } }];
}

/**
 * @param {Used} used
 * @returns {Notice}
 */
function usage({ name, n_vectors, weights }) {
  const facts = [counted(n_vectors, "vector")];
  if (weights.length > 1) facts.push(`${weights.length} times`);
  if (weights.some((weight) => weight !== 1)) facts.push(`at ${LIST.format(weights.map(short))}`);
  return { kind: "used", name, text: ` ${facts.join(", ")}` };
}

/**
 * @param {Chunk[]} chunks
 * @returns {Notice[]}
 */
function meter(chunks) {
  const vectors = chunks.map((chunk) => chunk.vectors);
  if (!vectors.some(Boolean)) return [];
  const each = chunks.length > 1 ? `each chunk's ${CHUNK_TOKENS}` : `${CHUNK_TOKENS}`;
  return [{ kind: "meter", name: "", text: `Embeddings take ${LIST.format(vectors.map(number))} of ${each} tokens` }];
}

/** @param {string} words */
function sentence(words) {
  return words.endsWith("?") ? words : `${words}.`;
}

/** @param {number} weight */
function short(weight) {
  return String(Number(weight.toFixed(2)));
}
