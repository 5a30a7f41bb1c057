/**
 * Build the body of the details: what the API knows about a file, in words.
 */

import { element, iconButton, textButton } from "../dom.mjs";
import { COUNTED, date, day, measured, number, phrase, sentenceCase, size } from "../phrases.mjs";
import { CLAIMS, familyTitles, FIELD_TITLES, isEmbedding, obstacle } from "../words.mjs";
import { copyButton, factList, folded, titled, twinText } from "./fact_list.mjs";

/** @typedef {Omit<import("../answers.mjs").Details, "texts" | "kind">} Details */
/** @typedef {import("../answers.mjs").Host} Host */
/** @typedef {import("./fact_list.mjs").Fact} Fact */

const EXAMPLES_WIDTH = 1024;

/** @type {Record<string, string>} */
const CONTAINERS = {
  safetensors: "safetensors",
  "torch-zip": "PyTorch",
  "torch-legacy": phrase("PyTorch, older than 1.6"),
  "png-text": phrase("PNG picture with the embedding in a text chunk"),
  "picture-pixels": phrase("picture with the embedding in its pixels"),
};

/** @type {Record<string, string>} */
const LAYOUTS = {
  string_to_param: "AUTOMATIC1111",
  encoder_keys: phrase("one tensor for each text encoder"),
  emb_params: "kohya",
  tokens: "diffusers",
  bare_tensor: phrase("a single tensor"),
  learned_embeds_pair: phrase("diffusers, in two files"),
};

/**
 * Return what is worth reading first, most important first.
 *
 * @param {Details} details
 * @param {Host} host
 * @returns {Fact[]}
 */
export function mainFacts(details, host) {
  const { families, vectors, stored_name, name, path, sha256, full_path } = details;
  return [
    { label: phrase("Made for"), value: familyTitles(host, families).join(", ") },
    {
      label: phrase("Vectors"),
      value: Object.entries(vectors)
        .map(([key, info]) => vectorsOf(key, info))
        .join("; "),
    },
    { label: phrase("Health"), value: Object.values(details.health).map(sentenceCase).join("\n") },
    { label: phrase("Nearest words of the model"), value: Object.values(details.near_words).join("\n") },
    { label: phrase("Stored name"), value: stored_name && stored_name !== name ? stored_name : "" },
    { label: phrase("File"), value: path },
    { label: phrase("Other files with this name"), value: details.twins.map(twinText).join("\n"), twins: details.twins },
    { label: phrase("Size"), value: size(details.bytes) },
    { label: phrase("Modified"), value: date(details.mtime) },
    { label: phrase("Format"), value: formatOf(details) },
    { label: "SHA-256", value: sha256 ?? "", copies: true },
    { label: phrase("Full path"), value: full_path ?? "", copies: true, reveals: host.may_reveal },
  ].filter(({ value }) => value);
}

/**
 * Return what other programs and sites say about the file.
 *
 * @param {Details} details
 * @returns {Fact[]}
 */
export function claimFacts({ claims }) {
  if (!claims) return [];
  const { title, author, licence, base_model, tags, weight, general, scan, page, tool, time } = claims;
  return [
    { label: CLAIMS.title, value: title },
    { label: CLAIMS.author, value: author, about: "author" },
    { label: CLAIMS.licence, value: licence },
    { label: CLAIMS.baseModel, value: base_model, about: "base" },
    { label: CLAIMS.tags, value: tags.join(", "), about: "tag", texts: tags },
    { label: CLAIMS.weight, value: weight ? measured(weight) : "" },
    { label: CLAIMS.maturity, value: general ? "" : CLAIMS.mature },
    { label: CLAIMS.scan, value: scan },
    { label: CLAIMS.page, value: page, href: page },
    { label: CLAIMS.tool, value: time === null ? tool : `${tool}, ${day(time)}` },
  ].filter(({ value }) => value);
}

/**
 * Return statistics of the vectors, for each text encoder.
 *
 * @param {Details} details
 * @returns {Fact[]}
 */
export function valueFacts({ values }) {
  return Object.entries(values).map(([key, numbers]) => ({
    label: key,
    value: phrase("minimum {min}, maximum {max}, mean {mean}, standard deviation {std}, norm {norm}", {
      min: measured(numbers.min),
      max: measured(numbers.max),
      mean: measured(numbers.mean),
      std: measured(numbers.std),
      norm: span(numbers.norm_min, numbers.norm_max),
    }),
  }));
}

/**
 * Return the metadata of the file.
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
function tensorFacts({ tensors }) {
  return Object.entries(tensors).map(([label, value]) => ({ label, value }));
}

/**
 * Return the embeddings inside a LoRA file.
 *
 * @param {Details} details
 * @returns {Fact[]}
 */
export function bundledFacts({ bundled }) {
  return Object.entries(bundled).map(([label, counts]) => ({
    label,
    value: Object.entries(counts)
      .map(([key, count]) => phrase("{vectors} for {key}", { vectors: COUNTED.vectors(count), key }))
      .join(", "),
  }));
}

/**
 * @param {string} key
 * @param {import("../answers.mjs").VectorsInfo} info
 */
function vectorsOf(key, { n_vectors, hidden_size, dtype }) {
  return phrase("{vectors} for {key}", { vectors: `${number(n_vectors)} × ${hidden_size}`, key: `${key} (${dtype})` });
}

/** @param {Details} details */
function formatOf({ container, layout }) {
  if (!container) return "";
  const format = CONTAINERS[container] ?? container;
  return layout ? `${format} (${LAYOUTS[layout] ?? layout})` : format;
}

/**
 * @param {number} least
 * @param {number} most
 */
function span(least, most) {
  return measured(least) === measured(most) ? measured(least) : phrase("{least} to {most}", { least: measured(least), most: measured(most) });
}

/**
 * @param {Details} details
 * @param {HTMLElement} renaming
 * @param {Host} host
 */
export function heading(details, renaming, { may_change_files }) {
  const { name, proposal, reason, warnings } = details;
  const why = obstacle(details);
  /** @type {HTMLElement[]} */
  const lines = warnings.map((warning) => element("p", { class: "warning" }, sentenceCase(warning)));
  if (why) lines.unshift(element("p", { class: "why" }, element("b", {}, why), " ", sentenceCase(reason ?? "")));
  if (proposal && may_change_files) lines.push(textButton("rename", phrase("Rename to {name} …", { name: proposal }), { "data-name": proposal }));
  const title = element("h2", { dir: "auto" }, name);
  const rename = iconButton("edit", "rename", phrase("Rename"), { "data-name": name, "data-key": "rename" });
  return element(
    "div",
    { class: "heading" },
    element("div", { class: "title-row" }, title, ...(may_change_files ? [rename] : []), copyButton("name", name)),
    renaming,
    ...lines,
  );
}

/** @param {Details} details */
export function choices(details) {
  const { claims, favourite, fit, hidden, use_partial } = details;
  /** @type {HTMLElement[]} */
  const parts = [
    checkbox("favourite", phrase("Favourite"), favourite),
    checkbox("hidden", phrase("Hidden: it works in prompts but is not shown with the others"), hidden),
  ];
  if (fit === "partial" || use_partial)
    parts.push(checkbox("use_partial", phrase("Use it anyway, with the vectors that fit the model"), use_partial));
  if (isEmbedding(details)) parts.push(fieldChoice(details));
  if (claims?.general === false) parts.push(textButton("veil", CLAIMS.veil, { "data-key": "veil" }));
  return element("div", { class: "choices" }, ...parts);
}

/**
 * Return what somebody chose with one of these.
 *
 * @param {HTMLInputElement} input
 * @returns {import("../answers.mjs").EntryChoices}
 */
export function choiceOf({ type, value, checked, dataset }) {
  if (type === "radio") return { field: /** @type {import("../answers.mjs").EntryChoices["field"]} */ (value) };
  return { [dataset.key ?? ""]: checked };
}

/**
 * @param {"favourite" | "hidden" | "use_partial"} key
 * @param {string} label
 * @param {boolean} isOn
 */
function checkbox(key, label, isOn) {
  const input = element("input", {
    type: "checkbox",
    role: "switch",
    "data-action": "choice",
    "data-key": key,
    checked: isOn,
  });
  return element("label", { class: "choice" }, input, label);
}

/** @param {Details} details */
function fieldChoice({ id, chosen_field }) {
  const radios = Object.entries({ auto: phrase("Auto"), ...FIELD_TITLES }).map(([value, title]) => {
    const checked = value === (chosen_field ?? "auto");
    const attributes = { type: "radio", name: `lib-embeddings-field-${id}`, value, checked };
    const radio = element("input", { ...attributes, "data-action": "choice", "data-key": `field-${value}` });
    return element("label", { class: "choice" }, radio, title);
  });
  return element("fieldset", {}, element("legend", {}, phrase("Inserts into")), ...radios);
}

/**
 * Return the pictures that a file was learned from, which are none of what it paints.
 *
 * @param {Details} details
 * @param {import("../api.mjs").Api} api
 */
function examplesOf(details, api) {
  if (!details.examples) return [];
  const image = element("img", { src: api.preview(details, EXAMPLES_WIDTH, "examples"), alt: "", loading: "lazy" });
  return [element("section", { class: "examples" }, element("h3", {}, phrase("Learned from")), image)];
}

/**
 * @param {Details} details
 * @param {Host} host
 * @param {import("../api.mjs").Api} api
 */
export function sections(details, host, api) {
  return [
    ...examplesOf(details, api),
    titled(CLAIMS.heading, claimFacts(details)),
    factList(mainFacts(details, host)),
    folded(phrase("Embeddings inside this file"), bundledFacts(details)),
    folded(phrase("Statistics"), valueFacts(details)),
    folded(phrase("Metadata"), metadataFacts(details)),
    folded(phrase("Tensors"), tensorFacts(details)),
  ];
}
