/**
 * Show all that is known about one file, and the choices someone can make for it.
 */

import { pictureOf } from "./cards.mjs";
import { copyText } from "./clipboard.mjs";
import { element, iconButton, textButton } from "./elements.mjs";
import { bundledFacts, mainFacts, metadataFacts, tensorFacts, valueFacts } from "./facts.mjs";
import { Renaming } from "./renaming.mjs";
import { BOXES, isEmbedding, obstacle, sayRenamed, sentenceCase } from "./words.mjs";

/** @typedef {import("./api.mjs").Api} Api */
/** @typedef {import("./cards.mjs").Places} Places */
/** @typedef {import("./api.mjs").Details} Details */
/** @typedef {import("./api.mjs").Entry} Entry */
/** @typedef {import("./api.mjs").Settings} Settings */
/** @typedef {import("./facts.mjs").Fact} Fact */

/**
 * @typedef {object} Owner
 * @property {(entry: Entry, id: string) => void} changed Called when someone changed the entry here, with the id it had.
 * @property {(entry: Entry) => Places} placesOf
 */

const PICTURE_WIDTH = 512;
const COPIED_MS = 1500;

export class DetailsPanel {
  /** @type {Entry | undefined} */
  #entry;
  /** While it is renamed, the server knows it by neither id for sure. */
  #isMoving = false;
  /** What is shown, as JSON. */
  #shown = "";

  /**
   * @param {Api} api
   * @param {Owner} owner
   */
  constructor(api, owner) {
    this.api = api;
    this.owner = owner;
    this.renaming = new Renaming((name) => this.#rename(name));
    this.body = element("div", { class: "body" });
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    const close = iconButton("close", "close", "Close");
    this.root = element("dialog", { class: "details", "aria-label": "Details" }, close, this.body, this.problem);
    this.root.addEventListener("close", () => (this.#entry = undefined));
    // A click on the backdrop has the dialog itself as its target.
    this.root.addEventListener("click", ({ target }) => target === this.root && this.close());
  }

  /**
   * Show an entry: at once what the list knows, then all of it.
   *
   * @param {Entry} entry
   */
  async open(entry) {
    this.#entry = entry;
    this.#shown = "";
    this.#complain("");
    this.renaming.close();
    this.#render({ ...entry, sha256: null, metadata: {}, tensors: {}, values: {}, bundled: {} });
    if (!this.root.open) this.root.showModal();
    this.root.scrollTop = 0;
    await this.refresh();
  }

  close() {
    this.root.close();
  }

  /** Ask again for what is shown, if anything is. */
  async refresh() {
    const id = this.#entry?.id;
    if (id === undefined || this.#isMoving) return;
    try {
      const details = await this.api.entry(id);
      if (id === this.#entry?.id) this.#render(details);
    } catch (error) {
      if (id === this.#entry?.id) this.#complain(/** @type {Error} */ (error).message);
    }
  }

  /**
   * Change the entry that is shown, as somebody did one of its fields.
   *
   * @param {HTMLInputElement} field
   */
  async change(field) {
    const id = this.#entry?.id;
    if (id === undefined) return;
    try {
      this.#complain("");
      this.owner.changed(await this.api.change(id, settingOf(field)), id);
    } catch (error) {
      this.#complain(`Not changed: ${/** @type {Error} */ (error).message}`);
      this.#shown = "";
    }
    await this.refresh();
  }

  /** @param {string} name */
  async #rename(name) {
    const before = this.#entry;
    if (before === undefined) return "";
    const places = this.owner.placesOf(before);
    this.#isMoving = true;
    const entry = await this.api.rename(before.id, name).finally(() => (this.#isMoving = false));
    this.owner.changed(entry, before.id);
    if (before.id === this.#entry?.id) this.#entry = entry;
    this.#complain("");
    await this.refresh();
    return sayRenamed(before.name, places);
  }

  /**
   * Copy the text that stands beside a button.
   *
   * @param {HTMLElement} button
   */
  async copy(button) {
    const isCopied = await copyText(button.dataset.text ?? "", this.root);
    button.classList.toggle("done", isCopied);
    if (!isCopied) this.#complain("The browser does not let this page copy: select the text instead.");
    setTimeout(() => button.classList.remove("done"), COPIED_MS);
  }

  /** @param {string} problem */
  #complain(problem) {
    this.problem.hidden = !problem;
    this.problem.textContent = sentenceCase(problem);
  }

  /** @param {Details} details */
  #render(details) {
    const asJson = JSON.stringify(details);
    if (asJson === this.#shown) return;
    this.#shown = asJson;
    this.#entry = details;
    const focused = /** @type {HTMLElement | null} */ (this.body.querySelector(":focus"))?.dataset.key;
    const head = heading(details, this.renaming.root);
    const picture = pictureOf(details.name, details.preview && this.api.preview(details, PICTURE_WIDTH));
    this.body.replaceChildren(picture, head, choices(details), ...sections(details));
    if (focused) /** @type {HTMLElement | null} */ (this.body.querySelector(`[data-key="${focused}"]`))?.focus();
  }
}

/**
 * @param {HTMLInputElement} field
 * @returns {Settings}
 */
function settingOf({ type, value, checked, dataset }) {
  if (type === "radio") return { field: /** @type {Settings["field"]} */ (value) };
  return { [dataset.key ?? ""]: checked };
}

/**
 * @param {Details} details
 * @param {HTMLElement} renaming
 */
function heading(details, renaming) {
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
function choices(details) {
  const { favourite, fit, use_partial } = details;
  /** @type {HTMLElement[]} */
  const rows = [checkbox("favourite", "Favourite", favourite)];
  if (fit === "partial" || use_partial)
    rows.push(checkbox("use_partial", "Use it anyway, with the vectors that fit", use_partial));
  if (isEmbedding(details)) rows.push(fieldChoice(details));
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
function fieldChoice({ id, chosen_field }) {
  const labels = { auto: "Auto", ...BOXES };
  const radios = Object.entries(labels).map(([value, label]) => {
    const checked = value === (chosen_field ?? "auto");
    const attributes = { type: "radio", name: `lib-embeddings-field-${id}`, value, checked };
    const radio = element("input", { ...attributes, "data-action": "setting", "data-key": `field-${value}` });
    return element("label", { class: "choice" }, radio, label);
  });
  return element("fieldset", {}, element("legend", {}, "Prompt field"), ...radios);
}

/** @param {Details} details */
function sections(details) {
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
