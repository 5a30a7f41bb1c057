/**
 * The notices that people read about one prompt.
 */

import { COUNTED, listed, number, phrase } from "../phrases.mjs";
import { partName } from "../prompt/edits.mjs";
import { foldName, readPrompt } from "../prompt/pieces.mjs";

/** @typedef {import("../answers.mjs").ChunkUsage} ChunkUsage */
/** @typedef {import("../answers.mjs").NearMiss} NearMiss */
/** @typedef {import("../answers.mjs").Provenance} Provenance */
/** @typedef {import("../answers.mjs").Report} Report */
/** @typedef {import("../answers.mjs").Unavailable} Unavailable */
/** @typedef {import("../answers.mjs").Used} Used */
/** @typedef {import("../prompt/pieces.mjs").Reading} Reading */

/**
 * A button's deed: convert another program's syntax, replace a near miss by the name, make a name stronger or
 * weaker, remove it, write a space after it, use an embedding anyway, or look elsewhere for one that is not
 * here.
 *
 * @typedef {{does: "convert"} | {does: "replace", nearMiss: NearMiss} | {does: "weigh", name: string, change: number} |
 *   {does: "remove", name: string} | {does: "part", name: string} | {does: "allow", id: string} |
 *   {does: "find", name: string, hash: string | null}} Deed
 */
/** @typedef {Deed & {label: string, icon?: string}} Button With an icon, it shows that, and screen readers
speak the label. */

/**
 * @typedef {object} Notice A name, and facts about it.
 * @property {"warning" | "suggestion" | "used" | "meter"} kind
 * @property {string} name
 * @property {string} text Follows the name.
 * @property {string} [title] Further facts.
 * @property {string | null} [id] Of the file whose card a click shows.
 * @property {Button[]} [buttons] Follow the text.
 */

/**
 * @typedef {object} Around All else that the notices of a report depend on.
 * @property {string} prompt As it is in the field.
 * @property {boolean} [isNegative]
 * @property {number} chunkTokens How many tokens a chunk has.
 * @property {Provenance} [provenance] How the embeddings of a pasted infotext differ from those here.
 * @property {boolean} [canFind] Whether missing embeddings can be looked for elsewhere.
 */

/** The change of a weight with each click. */
const STEP = 0.1;

/**
 * Return all notices: the prompt's length, then the most important first; none for ordinary words.
 *
 * @param {Report} report
 * @param {Around} around
 * @returns {Notice[]}
 */
export function noticesOf(report, { prompt, isNegative, chunkTokens, provenance, canFind = false }) {
  const reading = { names: namesIn(report), isNegative };
  const typed = new Set(readPrompt(prompt, reading).map(({ text }) => text));
  const isTyped = (/** @type {string} */ name) => typed.has(foldName(name));
  const why = (/** @type {Unavailable} */ unavailable) =>
    notUsed(unavailable, [
      ...(canFind && !unavailable.id ? [search(unavailable.name, null)] : []),
      ...(isTyped(unavailable.name) ? remedies(unavailable, prompt, reading) : []),
    ]);
  return [
    ...meter(report.chunks, chunkTokens),
    ...report.unavailable.filter(({ shadowed_by }) => shadowed_by).map(why),
    ...report.unavailable.filter(({ shadowed_by }) => !shadowed_by).map(why),
    ...(report.unread ? [warning("", report.unread)] : []),
    ...report.used.filter(({ n_vectors }) => n_vectors > chunkTokens).map((used) => tooLong(used, chunkTokens)),
    ...differences(provenance, canFind),
    ...report.near_misses.map(proposal),
    ...conversions(report),
    ...report.used.map((used) => usage(used, isTyped(used.name))),
  ];
}

/**
 * Return the names in a prompt, with which it must be read.
 *
 * @param {Report} report
 */
export function namesIn({ used, unavailable }) {
  return [...used, ...unavailable].map(({ name }) => name);
}

/**
 * Return the notice for a prompt that gets no report from the server.
 *
 * @param {string} reason
 */
export function notChecked(reason) {
  return warning("", phrase("This prompt is not checked: {reason}", { reason }));
}

/**
 * Return the notice for a choice that could not be kept.
 *
 * @param {string} reason
 */
export function notSaved(reason) {
  return warning("", phrase("Not saved: {reason}", { reason }));
}

/**
 * Return the notices in a few sentences, for screen readers.
 *
 * @param {Notice[]} notices
 */
export function announcementOf(notices) {
  const sentences = notices
    .filter(({ kind }) => kind === "warning" || kind === "suggestion")
    .map(({ name, text, buttons: [button] = [] }) =>
      sentence(`${name}${text}${button?.does === "replace" ? ` ${button.label}` : ""}`),
    );
  const used = notices.filter(({ kind }) => kind === "used").map(({ name }) => name);
  if (used.length) sentences.push(phrase("The prompt uses {names}.", { names: listed(used) }));
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

/**
 * @param {Unavailable} unavailable
 * @param {Button[]} buttons
 * @returns {Notice}
 */
function notUsed({ id, name, reason, shadowed_by }, buttons) {
  const text = shadowed_by
    ? phrase("is not used: {reason}; {other} is used instead", { reason, other: shadowed_by })
    : phrase("is not used: {reason}", { reason });
  return { ...warning(name, ` ${text}`), id, buttons };
}

/**
 * Return buttons that help if an embedding is not used.
 *
 * @param {Unavailable} unavailable
 * @param {string} prompt
 * @param {Reading} reading
 * @returns {Button[]}
 */
function remedies({ id, name, partial }, prompt, reading) {
  /** @type {Button[]} */
  const buttons = [removal(name)];
  if (id && partial) buttons.unshift({ does: "allow", id, label: phrase("Use anyway") });
  if (partName(prompt, name, reading)) buttons.unshift({ does: "part", name, label: phrase("Add a space after it") });
  return buttons;
}

/**
 * @param {string} name
 * @returns {Button}
 */
function removal(name) {
  return { does: "remove", name, label: phrase("Remove {name} from the prompt", { name }), icon: "close" };
}

/**
 * @param {Used} used
 * @param {number} chunkTokens
 */
function tooLong({ name, n_vectors }, chunkTokens) {
  const counts = { vectors: number(n_vectors), tokens: number(chunkTokens) };
  return warning(name, ` ${phrase("has {vectors} vectors, which do not fit into a chunk of {tokens} tokens", counts)}`);
}

/**
 * @param {string} name
 * @param {string | null} hash
 * @returns {Button}
 */
function search(name, hash) {
  return { does: "find", name, hash, label: phrase("Find it") };
}

/** @param {string | null} hash Of a file that a picture used. */
function missingText(hash) {
  return hash
    ? phrase("was used for the picture (hash {hash}), but your library does not have it", { hash })
    : phrase("was used for the picture, but your library does not have it");
}

/**
 * @param {Provenance | undefined} provenance
 * @param {boolean} canFind
 * @returns {Notice[]}
 */
function differences(provenance, canFind) {
  const { missing = [], different = [], renamed = [] } = provenance ?? {};
  return [
    ...missing.map(({ name, hash }) => ({
      ...warning(name, ` ${missingText(hash)}`),
      buttons: canFind ? [search(name, hash)] : [],
    })),
    ...different.map(({ name, hash, found }) =>
      warning(name, ` ${phrase("in your library (hash {found}) is not the file that the picture used (hash {hash})", { found, hash })}`),
    ),
    ...renamed.map(({ name, now }) => warning(name, ` ${phrase("was used for the picture, and is named {now} in your library", { now })}`)),
  ];
}

/**
 * @param {NearMiss} nearMiss
 * @returns {Notice}
 */
function proposal(nearMiss) {
  const { text, name } = nearMiss;
  /** @type {Button[]} */
  const buttons = [{ does: "replace", nearMiss, label: `${name}?` }];
  return { kind: "suggestion", name: text, text: phrase(": did you mean"), buttons };
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
  const label = pairs.size > 1 ? phrase("Convert all {count}", { count: number(pairs.size) }) : phrase("Convert");
  return [{ kind: "suggestion", name: first, text: ` → ${replacement}${more}`, buttons: [{ does: "convert", label }] }];
}

/**
 * @param {Used} used
 * @param {boolean} isTyped Whether the name is in the field, and not in one of the host's styles.
 * @returns {Notice}
 */
function usage({ id, name, n_vectors, weights, caveat }, isTyped) {
  const facts = [COUNTED.vectors(n_vectors)];
  if (weights.length > 1) facts.push(phrase("used {count} times", { count: number(weights.length) }));
  const shown = { weights: listed(weights.map(short)) };
  if (weights.some((weight) => weight !== 1))
    facts.push(weights.length > 1 ? phrase("weights {weights}", shown) : phrase("weight {weights}", shown));
  const text = ` ${facts.join(", ")}${caveat ? `; ${caveat}` : ""}`;
  const buttons = isTyped ? [weigh(name, -STEP), weigh(name, STEP), removal(name)] : [];
  return { kind: "used", name, text, id, buttons };
}

/**
 * @param {string} name
 * @param {number} change
 * @returns {Button}
 */
function weigh(name, change) {
  const [icon, label] = change < 0 ? ["minus", phrase("Make {name} weaker", { name })] : ["plus", phrase("Make {name} stronger", { name })];
  return { does: "weigh", name, change, label, icon };
}

/**
 * @param {ChunkUsage[]} chunks
 * @param {number} chunkTokens
 * @returns {Notice[]}
 */
function meter(chunks, chunkTokens) {
  const [tokens, vectors] = chunks.reduce(([all, own], chunk) => [all + chunk.tokens, own + chunk.vectors], [0, 0]);
  if (!vectors) return [];
  const counts = { chunks: number(chunks.length), vectors: number(vectors) };
  const title =
    chunks.length > 1
      ? phrase("Tokens in {chunks} chunks; {vectors} come from embeddings", counts)
      : phrase("Tokens; {vectors} come from embeddings", counts);
  const text = ` ${phrase("of {tokens}", { tokens: number(chunks.length * chunkTokens) })}`;
  return [{ kind: "meter", name: number(tokens), text, title }];
}

/** @param {string} words */
function sentence(words) {
  return /[?？]$/.test(words) ? words : phrase("{sentence}.", { sentence: words });
}

/** @param {number} weight */
function short(weight) {
  return String(Number(weight.toFixed(2)));
}
