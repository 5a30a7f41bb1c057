/**
 * Sets of names: a button for each, which puts all of them into the prompts or takes them out, and a dialog in
 * which they are made, renamed and deleted.
 */

import { dialog, element, iconButton, setAttribute, showOver, textButton } from "../dom.mjs";
import { ending } from "../forms.mjs";
import { COUNTED, failed, phrase, sentenceCase } from "../phrases.mjs";
import { FIELD_TITLES, FIELDS } from "../words.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../prompt/insertion.mjs").Insertion} Insertion */
/** @typedef {import("../own.mjs").EmbeddingSet} EmbeddingSet */
/** @typedef {import("../own.mjs").KnownMember} KnownMember */
/** @typedef {import("../own.mjs").Member} Member */
/** @typedef {import("../own.mjs").Own} Own */

/** @typedef {(sentence: string, undo?: () => Promise<string>) => void} Report */

export class Sets {
  /** @type {EmbeddingSet[]} */
  #sets = [];
  /** @type {number | undefined} */
  #generation;
  /** @type {Member[]} Of which a set would be made now. */
  #offered = [];

  /**
   * @param {HTMLElement} home The tab.
   * @param {Own} own
   * @param {Api} api
   * @param {Insertion} insertion
   * @param {Report} report
   */
  constructor(home, own, api, insertion, report) {
    this.home = home;
    this.own = own;
    this.api = api;
    this.insertion = insertion;
    this.report = report;
    this.chips = element("span", { class: "set-chips" });
    const manage = iconButton("sets-manage", "manage-sets", phrase("Make, rename or delete sets"));
    this.root = element(
      "div",
      { class: "sets", role: "group", "aria-label": phrase("Sets") },
      element("span", { class: "label" }, phrase("Sets")),
      this.chips,
      manage,
    );
    this.field = element("input", { type: "text", "aria-label": phrase("Name of the new set"), placeholder: phrase("my negatives") });
    this.submit = element("button", { type: "submit", class: "plain" }, phrase("Make a set"));
    this.form = element("form", { class: "renaming" }, this.field, this.submit);
    this.offer = element("p", { class: "set-names", dir: "auto" });
    this.outcome = element("p", { class: "outcome", role: "status" });
    this.list = element("ul", { class: "set-list" });
    this.form.addEventListener("submit", (event) => this.#make(event));
    this.dialog = dialog(phrase("Sets"), "set-dialog", this.offer, this.form, this.outcome, this.list);
  }

  /**
   * Show the sets of a generation of the library.
   *
   * @param {number} generation
   */
  async update(generation) {
    if (generation === this.#generation) return;
    this.#generation = generation;
    try {
      this.#show(await this.own.sets());
    } catch {
      this.#generation = undefined; // The connection is lost, which the toolbar shows.
    }
  }

  /** Show which sets the prompts have by now. */
  showUsed() {
    for (const chip of this.chips.querySelectorAll("button")) {
      const set = this.#sets.find(({ name }) => name === chip.dataset.name);
      if (set) setAttribute(chip, "aria-pressed", String(this.#isUsed(set)));
    }
  }

  /**
   * Put all names of a set into the prompts, or take them out.
   *
   * @param {string | undefined} name
   */
  toggle(name) {
    const set = this.#sets.find((each) => each.name === name);
    if (!set) return;
    const isWanted = !this.#isUsed(set);
    const members = isWanted ? usable(set) : set.members;
    const left = isWanted ? set.members.filter(({ reason }) => reason) : [];
    const parts = members.length ? [this.insertion.toggleAll(members, isWanted)] : [];
    const others = left.map(({ name, reason }) => phrase("not {name}: {reason}", { name, reason: reason ?? "" }));
    const sentence = [...parts, ...others].join("; ");
    this.report(parts.length ? sentence : sentenceCase(sentence));
  }

  /**
   * Open the dialog, to make a set of these or of what the prompts use.
   *
   * @param {Member[]} [members]
   */
  async open(members) {
    this.outcome.textContent = "";
    this.field.value = "";
    this.form.hidden = true; // Until it is known of what a set would be made.
    this.offer.textContent = "";
    showOver(this.dialog, this.home);
    this.#offered = members ?? (await this.#used().catch(() => []));
    const [from, none] = members
      ? [phrase("From the selection"), phrase("None of the selected files is an embedding.")]
      : [phrase("From what the prompts use now"), phrase("The prompts use no embeddings yet: insert some to make a set.")];
    this.offer.textContent = this.#offered.length ? `${from}: ${asText(this.#offered)}` : none;
    this.form.hidden = !this.#offered.length;
    if (this.#offered.length) this.field.focus();
  }

  /**
   * Delete the set of a button's item.
   *
   * @param {HTMLElement} button
   */
  async delete({ dataset: { name = "" } }) {
    const set = this.#sets.find((each) => each.name === name);
    await this.#attempt(phrase("Not deleted"), async () => {
      await this.own.deleteSet(name);
      this.report(phrase("Deleted the set {name}", { name }), async () => {
        await this.#change(() => this.own.putSet(name, set?.members ?? []));
        return phrase("Restored the set {name}", { name });
      });
    });
  }

  /**
   * Give the set of a button's item another name, for which its place is a field.
   *
   * @param {HTMLElement} button
   */
  rename(button) {
    const { name = "" } = button.dataset;
    const field = element("input", { type: "text", "aria-label": phrase("New name of {name}", { name }), value: name });
    const submit = element("button", { type: "submit", class: "plain" }, phrase("Rename"));
    const cancel = textButton("manage-sets", phrase("Cancel"));
    const form = element("form", { class: "renaming" }, field, ending(submit, cancel));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#attempt(phrase("Not renamed"), () => this.own.renameSet(name, field.value));
    });
    button.closest("li")?.replaceChildren(form);
    field.select();
  }

  /** @param {SubmitEvent} event */
  #make(event) {
    event.preventDefault();
    const name = this.field.value.trim();
    if (this.#sets.some((set) => set.name === name)) {
      this.outcome.textContent = phrase("A set named {name} already exists: choose another name", { name });
      return;
    }
    this.#attempt(phrase("Not made"), async () => {
      await this.own.putSet(name, this.#offered);
      this.field.value = "";
      this.report(phrase("Made the set {name}", { name }));
    });
  }

  /**
   * Do something in the dialog, and show there why it failed.
   *
   * @param {string} failure
   * @param {() => Promise<unknown>} work
   */
  async #attempt(failure, work) {
    try {
      this.outcome.textContent = "";
      await this.#change(work);
    } catch (error) {
      this.outcome.textContent = sentenceCase(failed(failure, error));
    }
  }

  /** @param {() => Promise<unknown>} work */
  async #change(work) {
    await work();
    this.#show(await this.own.sets());
  }

  /** @param {EmbeddingSet[]} sets */
  #show(sets) {
    this.#sets = sets;
    this.chips.replaceChildren(...sets.map(chipOf));
    this.list.replaceChildren(...sets.map(itemOf));
    this.showUsed();
  }

  /** @returns {Promise<Member[]>} The files that the prompts use now; what a LoRA brings has none, and comes with it. */
  async #used() {
    const [positive, negative] = FIELDS.map((field) => this.insertion.fields.text(field));
    const reports = await this.api.report({ positive, negative });
    return FIELDS.flatMap((field) => {
      const files = reports[field].used.filter(({ id }) => id);
      return files.map(({ name, weights }) => ({ name, field, weight: weights[0] ?? 1 }));
    });
  }

  /** @param {EmbeddingSet} set */
  #isUsed(set) {
    const members = usable(set);
    return members.length > 0 && this.insertion.hasAll(members);
  }
}

/** @param {EmbeddingSet} set */
function usable({ members }) {
  return members.filter(({ reason }) => !reason);
}

/** @param {EmbeddingSet} set */
function chipOf({ name, members }) {
  const problems = problemsOf(members);
  const attributes = { type: "button", class: "chip", "data-action": "set", "data-name": name, tabindex: -1 };
  const title = [asText(members), ...problems].join("\n");
  const caution = problems.length ? [element("span", { class: "caution" }, "!")] : [];
  return element("button", { ...attributes, title }, element("span", { class: "title", dir: "auto" }, name), ...caution);
}

/** @param {EmbeddingSet} set */
function itemOf({ name, members }) {
  const problems = problemsOf(members).map((sentence) => element("p", { class: "warning" }, sentence));
  return element(
    "li",
    {},
    element(
      "div",
      { class: "title-row" },
      element("b", { dir: "auto" }, name),
      element("span", { class: "amount" }, COUNTED.names(members.length)),
      iconButton("edit", "rename-set", phrase("Rename {name}", { name }), { "data-name": name }),
      textButton("delete-set", phrase("Delete"), { "data-name": name, "aria-label": phrase("Delete {name}", { name }) }),
    ),
    element("p", { dir: "auto" }, asText(members)),
    ...problems,
  );
}

/** @param {KnownMember[]} members */
function problemsOf(members) {
  return members.filter(({ reason }) => reason).map(({ name, reason }) => `${name}: ${reason}`);
}

/** @param {Member[]} members */
function asText(members) {
  const texts = FIELDS.map((field) => {
    const own = members.filter((member) => member.field === field);
    const names = own.map(({ name, weight }) => (weight === 1 ? name : `(${name}:${weight})`));
    return names.length ? `${FIELD_TITLES[field]}: ${names.join(", ")}` : "";
  });
  return texts.filter(Boolean).join(" · ");
}
