/**
 * Say in words what the API knows about a file.
 */

import { counted, date, FAMILIES, number, size } from "./words.mjs";

/** @typedef {import("./api.mjs").Details} Details */
/** @typedef {import("./api.mjs").Entry} Entry */
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
 * @param {import("./api.mjs").VectorsInfo} info
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
