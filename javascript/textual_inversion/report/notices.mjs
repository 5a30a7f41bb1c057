/**
 * What people read about one prompt.
 */

import { counted, number } from "../words.mjs";

/** @typedef {import("../api.mjs").ChunkUsage} ChunkUsage */
/** @typedef {import("../api.mjs").NearMiss} NearMiss */
/** @typedef {import("../api.mjs").Provenance} Provenance */
/** @typedef {import("../api.mjs").Report} Report */
/** @typedef {import("../api.mjs").Unavailable} Unavailable */
/** @typedef {import("../api.mjs").Used} Used */

/** @typedef {{label: string, does: "convert"} | {label: string, does: "replace", nearMiss: NearMiss}} Button */

/**
 * @typedef {object} Notice A name, and what there is to know about it.
 * @property {"warning" | "offer" | "used" | "meter"} kind
 * @property {string} name
 * @property {string} text Follows the name.
 * @property {Button} [button] Follows the text.
 */

const LIST = new Intl.ListFormat("en");

/**
 * Return all notices, most important first; none for a prompt of ordinary words.
 *
 * @param {Report} report
 * @param {number} chunkTokens How many tokens a chunk has.
 * @param {Provenance} [provenance] How the embeddings of a pasted infotext differ from those here.
 * @returns {Notice[]}
 */
export function noticesOf(report, chunkTokens, provenance) {
  return [
    ...report.unavailable.filter(({ shadowed_by }) => shadowed_by).map(notUsed),
    ...report.unavailable.filter(({ shadowed_by }) => !shadowed_by).map(notUsed),
    ...(report.unread ? [warning("", report.unread)] : []),
    ...report.used.filter(({ n_vectors }) => n_vectors > chunkTokens).map((used) => tooLong(used, chunkTokens)),
    ...differences(provenance),
    ...report.near_misses.map(proposal),
    ...conversions(report),
    ...report.used.map(usage),
    ...meter(report.chunks, chunkTokens),
  ];
}

/**
 * Return the notice of a prompt for which the server makes no report.
 *
 * @param {string} reason
 */
export function notChecked(reason) {
  return warning("", `This prompt is not checked: ${reason}`);
}

/**
 * Return the notices in a few sentences, for screen readers.
 *
 * @param {Notice[]} notices
 */
export function announcementOf(notices) {
  const sentences = notices
    .filter(({ kind }) => kind === "warning" || kind === "offer")
    .map(({ name, text, button }) => sentence(`${name}${text}${button?.does === "replace" ? ` ${button.label}` : ""}`));
  const used = notices.filter(({ kind }) => kind === "used").map(({ name }) => name);
  if (used.length) sentences.push(`The prompt uses ${LIST.format(used)}.`);
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

/** @param {Unavailable} unavailable */
function notUsed({ name, reason, shadowed_by }) {
  return warning(name, ` is not used: ${reason}${shadowed_by ? `; ${shadowed_by} is used instead` : ""}`);
}

/**
 * @param {Used} used
 * @param {number} chunkTokens
 */
function tooLong({ name, n_vectors }, chunkTokens) {
  return warning(name, ` has ${number(n_vectors)} vectors, which do not fit into a chunk of ${chunkTokens} tokens`);
}

/** @param {Provenance | undefined} provenance */
function differences(provenance) {
  const { missing = [], different = [], renamed = [] } = provenance ?? {};
  return [
    ...missing.map(({ name, hash }) =>
      warning(name, ` was used for the picture${hash ? ` (hash ${hash})` : ""}, but your library does not have it`),
    ),
    ...different.map(({ name, hash, found }) =>
      warning(name, ` in your library (hash ${found}) is not the file that the picture used (hash ${hash})`),
    ),
    ...renamed.map(({ name, now }) => warning(name, ` was used for the picture, and is named ${now} in your library`)),
  ];
}

/**
 * @param {NearMiss} nearMiss
 * @returns {Notice}
 */
function proposal(nearMiss) {
  const { text, name } = nearMiss;
  const button = /** @type {const} */ ({ label: `${name}?`, does: "replace", nearMiss });
  return { kind: "offer", name: text, text: ": did you mean", button };
}

/**
 * @param {Report} report
 * @returns {Notice[]} One for all foreign syntax together.
 */
function conversions({ foreign_syntax }) {
  if (!foreign_syntax.length) return [];
  const pairs = new Map(foreign_syntax.map(({ text, replacement }) => [text, replacement]));
  const [[first, replacement], ...others] = pairs;
  const more = others.map(([text, becomes]) => `, ${text} → ${becomes}`).join("");
  const label = pairs.size > 1 ? `Convert all ${pairs.size}` : "Convert";
  return [{ kind: "offer", name: first, text: ` → ${replacement}${more}`, button: { label, does: "convert" } }];
}

/**
 * @param {Used} used
 * @returns {Notice}
 */
function usage({ name, n_vectors, weights, caveat }) {
  const facts = [counted(n_vectors, "vector")];
  if (weights.length > 1) facts.push(`used ${weights.length} times`);
  if (weights.some((weight) => weight !== 1))
    facts.push(`${weights.length > 1 ? "weights" : "weight"} ${LIST.format(weights.map(short))}`);
  return { kind: "used", name, text: ` ${facts.join(", ")}${caveat ? `; ${caveat}` : ""}` };
}

/**
 * @param {ChunkUsage[]} chunks
 * @param {number} chunkTokens
 * @returns {Notice[]}
 */
function meter(chunks, chunkTokens) {
  const vectors = chunks.reduce((sum, chunk) => sum + chunk.vectors, 0);
  if (!vectors) return [];
  const among = chunks.length > 1 ? ` in ${chunks.length} chunks` : "";
  const text = `Embeddings take ${number(vectors)} of ${number(chunks.length * chunkTokens)} tokens${among}`;
  return [{ kind: "meter", name: "", text }];
}

/** @param {string} words */
function sentence(words) {
  return words.endsWith("?") ? words : `${words}.`;
}

/** @param {number} weight */
function short(weight) {
  return String(Number(weight.toFixed(2)));
}
