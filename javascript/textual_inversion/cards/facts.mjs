/**
 * Say in words what the API knows about a file.
 */

import { element, iconButton, textButton } from "../elements.mjs";
import { BOXES, counted, date, FAMILIES, isEmbedding, number, obstacle, sentenceCase, size } from "../words.mjs";
import { BOX_KINDS } from "../prompt/fields.mjs";

/** @typedef {import("../api.mjs").Details} Details */
/** @typedef {import("../api.mjs").Entry} Entry */
/** @typedef {{label: string, value: string, copies?: boolean}} Fact */

/** @type {Record<string, string>} */
const ENCODERS = { clip_l: "CLIP L", clip_h: "OpenCLIP H", clip_g: "OpenCLIP G", t5xxl: "T5 XXL" };

/** @type {Record<string, string>} */
const CONTAINERS = {
  safetensors: "safetensors",
  "torch-zip": "PyTorch (zip)",
  "torch-legacy": "PyTorch (before version 1.6)",
  "png-text": "picture with the embedding in its text",
  "picture-pixels": "picture with the embedding in its pixels",
};

/**
 * Return what is worth reading first, most important first.
 *
 * @param {Details} details
 * @returns {Fact[]}
 */
export function mainFacts(details) {
  const { families, vectors, stored_name, name, path, sha256, full_path } = details;
  return [
    { label: "Made for", value: families.map((key) => FAMILIES[key] ?? key).join(", ") },
    {
      label: "Vectors",
      value: Object.entries(vectors)
        .map(([key, info]) => vectorsOf(key, info))
        .join("; "),
    },
    { label: "Name in the file", value: stored_name && stored_name !== name ? stored_name : "" },
    { label: "Description", value: details.description },
    { label: "Notes", value: details.notes },
    { label: "File", value: path },
    { label: "Size", value: `${size(details.bytes)}, changed ${date(details.mtime)}` },
    { label: "Kind of file", value: kindOf(details) },
    { label: "SHA-256", value: sha256 ?? "", copies: true },
    { label: "Path", value: full_path ?? "", copies: true },
  ].filter(({ value }) => value);
}

/**
 * Return what the vectors' numbers look like, for each text encoder.
 *
 * @param {Details} details
 * @returns {Fact[]}
 */
export function valueFacts({ values }) {
  return Object.entries(values).map(([key, numbers]) => ({
    label: ENCODERS[key] ?? key,
    value: `from ${short(numbers.min)} to ${short(numbers.max)}, mean ${short(numbers.mean)} ± ${short(numbers.std)}; length of a vector ${span(numbers.norm_min, numbers.norm_max)}`,
  }));
}

/**
 * Return what the file says about itself.
 *
 * @param {Details} details
 * @returns {Fact[]}
 */
export function metadataFacts({ metadata }) {
  return Object.entries(metadata).map(([label, value]) => ({
    label: label.replaceAll("_", " "),
    value: String(value),
  }));
}

/**
 * Return the tensors of the file, with their types and shapes.
 *
 * @param {Details} details
 * @returns {Fact[]}
 */
export function tensorFacts({ tensors }) {
  return Object.entries(tensors).map(([label, value]) => ({ label, value }));
}

/**
 * Return the embeddings that a LoRA brings with it.
 *
 * @param {Details} details
 * @returns {Fact[]}
 */
export function bundledFacts({ bundled }) {
  return Object.entries(bundled).map(([label, counts]) => ({
    label,
    value: Object.entries(counts)
      .map(([key, count]) => `${counted(count, "vector")} for ${ENCODERS[key] ?? key}`)
      .join(", "),
  }));
}

/**
 * @param {string} key
 * @param {import("../api.mjs").VectorsInfo} info
 */
function vectorsOf(key, { n_vectors, hidden_size, dtype }) {
  return `${number(n_vectors)} × ${hidden_size} for ${ENCODERS[key] ?? key} (${dtype})`;
}

/** @param {Details} details */
function kindOf({ container, layout }) {
  if (!container) return "";
  const kind = CONTAINERS[container] ?? container;
  return layout ? `${kind}, laid out as ${layout}` : kind;
}

/** @param {number} value */
function short(value) {
  return String(Number(value.toPrecision(3)));
}

/**
 * @param {number} least
 * @param {number} most
 */
function span(least, most) {
  return short(least) === short(most) ? short(least) : `${short(least)} to ${short(most)}`;
}

/**
 * @param {Details} details
 * @param {HTMLElement} renaming
 */
export function heading(details, renaming) {
  const { name, proposal, reason, warnings } = details;
  const why = obstacle(details);
  /** @type {HTMLElement[]} */
  const lines = warnings.map((warning) => element("p", { class: "warning" }, sentenceCase(warning)));
  if (why) lines.unshift(element("p", { class: "why" }, element("b", {}, why), " ", sentenceCase(reason ?? "")));
  if (proposal) lines.push(textButton("rename", `Rename to ${proposal} …`, { "data-name": proposal }));
  const title = element("h2", { dir: "auto" }, name);
  const rename = iconButton("edit", "rename", "Rename", { "data-name": name, "data-key": "rename" });
  return element(
    "div",
    { class: "heading" },
    element("div", { class: "title-row" }, title, rename, copyButton("name", name)),
    renaming,
    ...lines,
  );
}

/** @param {Details} details */
export function choices(details) {
  const { favourite, fit, use_partial } = details;
  /** @type {HTMLElement[]} */
  const rows = [checkbox("favourite", "Favourite", favourite)];
  if (fit === "partial" || use_partial)
    rows.push(checkbox("use_partial", "Use it anyway, with the vectors that fit", use_partial));
  if (isEmbedding(details)) rows.push(boxChoice(details));
  return element("div", { class: "choices" }, ...rows);
}

/**
 * @param {"favourite" | "use_partial"} key
 * @param {string} label
 * @param {boolean} isOn
 */
function checkbox(key, label, isOn) {
  const input = element("input", {
    type: "checkbox",
    role: "switch",
    "data-action": "setting",
    "data-key": key,
    checked: isOn,
  });
  return element("label", { class: "choice" }, input, label);
}

/** @param {Details} details */
function boxChoice({ id, box }) {
  const radios = BOX_KINDS.map((kind) => {
    const attributes = { type: "radio", name: `lib-embeddings-box-${id}`, value: kind, checked: kind === box };
    const radio = element("input", { ...attributes, "data-action": "setting", "data-key": `box-${kind}` });
    return element("label", { class: "choice" }, radio, BOXES[kind]);
  });
  return element("fieldset", {}, element("legend", {}, "Its own box"), ...radios);
}

/** @param {Details} details */
export function sections(details) {
  return [
    factList(mainFacts(details)),
    folded("Embeddings that come with it", bundledFacts(details)),
    folded("Numbers", valueFacts(details)),
    folded("What the file says about itself", metadataFacts(details)),
    folded("Tensors", tensorFacts(details)),
  ];
}

/**
 * @param {string} title
 * @param {Fact[]} facts
 */
function folded(title, facts) {
  return element("details", { hidden: !facts.length }, element("summary", {}, title), factList(facts));
}

/** @param {Fact[]} facts */
function factList(facts) {
  const rows = facts.map(({ label, value, copies }) =>
    element(
      "div",
      { class: "fact" },
      element("dt", {}, label),
      element("dd", { dir: "auto", class: copies && "copyable" }, value, ...(copies ? [copyButton(label, value)] : [])),
    ),
  );
  return element("dl", {}, ...rows);
}

/**
 * @param {string} what
 * @param {string} text
 */
function copyButton(what, text) {
  return iconButton("copy", "copy", `Copy ${what}`, { "data-text": text, "data-key": `copy-${what}` });
}
