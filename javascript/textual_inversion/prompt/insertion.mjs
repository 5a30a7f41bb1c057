/**
 * Know which field names go to, and which names the prompts have; insert and remove them.
 */

import { COUNTED, phrase } from "../phrases.mjs";
import { FIELDS, obstacle } from "../words.mjs";
import { PromptFields } from "./fields.mjs";
import { isUsed, KnownNames } from "./known_names.mjs";
import { canBeWritten } from "./pieces.mjs";

/** @typedef {import("../api.mjs").Api} Api */
/** @typedef {import("../answers.mjs").Entry} Entry */
/** @typedef {import("../answers.mjs").Field} Field */
/** @typedef {import("../own.mjs").Member} Member */
/** @typedef {Record<Field, boolean>} Places The fields that have a name. */

/**
 * @typedef {object} Listener
 * @property {() => void} targetChanged Called when names begin to go to another field.
 * @property {() => void} usedChanged Called when the names in the prompts change.
 */

/** How many names are added in one frame. */
const SLICE = 1000;

/** @type {Record<Field, string>} */
const NO_FIELD = {
  positive: phrase("This page has no field for the prompt"),
  negative: phrase("This page has no field for the negative prompt"),
};

/** @type {Record<Field, (name: string) => string>} */
const ADDED = {
  positive: (name) => phrase("Added {name} to the prompt", { name }),
  negative: (name) => phrase("Added {name} to the negative prompt", { name }),
};

/** @type {Record<Field, (name: string) => string>} */
const REMOVED = {
  positive: (name) => phrase("Removed {name} from the prompt", { name }),
  negative: (name) => phrase("Removed {name} from the negative prompt", { name }),
};

export class Insertion {
  /** @type {Field | null} The field that somebody chose for all names; null for each name's own field. */
  choice = null;
  /** @type {Record<Field, Set<string>>} */
  #used = { positive: new Set(), negative: new Set() };
  #names = new KnownNames();
  /** @type {number | undefined} The library's generation of which all names are known. */
  #generation;
  #frame = 0;

  /**
   * @param {string} tabname
   * @param {string} separator The text between names.
   * @param {Listener} listener
   * @param {AbortSignal} closing
   */
  constructor(tabname, separator, listener, closing) {
    this.separator = separator;
    this.listener = listener;
    const events = { used: () => listener.targetChanged(), edited: () => this.updateUsed() };
    this.fields = new PromptFields(tabname, events, closing);
  }

  /**
   * Send all names to one field, or each to its own.
   *
   * @param {Field | null} choice
   */
  choose(choice) {
    this.choice = choice;
    this.listener.targetChanged();
  }

  /** The field for names about which nothing else is known; null before one was used. */
  get target() {
    return this.choice ?? this.fields.last;
  }

  /**
   * Return the field into which a click puts an entry's name.
   *
   * Only negative embeddings can be recognised by name; all others count as positive.
   *
   * @param {Entry} entry
   * @returns {Field}
   */
  targetOf({ chosen_field, field }) {
    const guess = field === "negative" ? field : null;
    return chosen_field ?? this.choice ?? guess ?? this.fields.last ?? "positive";
  }

  /**
   * Return the field into which this click or key puts it: with Shift the negative prompt.
   *
   * @param {Entry} entry
   * @param {Event} event
   * @returns {Field}
   */
  targetFor(entry, event) {
    const isShifted = (event instanceof MouseEvent || event instanceof KeyboardEvent) && event.shiftKey;
    return isShifted ? "negative" : this.targetOf(entry);
  }

  /**
   * @param {Entry} entry
   * @returns {Places}
   */
  placesOf({ name }) {
    return { positive: isUsed(this.#used.positive, name), negative: isUsed(this.#used.negative, name) };
  }

  /**
   * Add names to the known ones, so that no edit cuts one of them in two.
   *
   * @param {Iterable<Entry>} entries
   */
  addNames(entries) {
    this.#names.add(Array.from(entries, ({ name }) => name));
  }

  /**
   * Load the names of all embeddings of a generation, even of those without a visible card.
   *
   * @param {Api} api
   * @param {number} generation
   */
  async loadAllNames(api, generation) {
    if (generation === this.#generation) return;
    this.#generation = generation;
    try {
      await painted(); // People wait for the cards, not for names.
      const names = await api.names();
      for (let at = 0; at < names.length; at += SLICE) {
        this.#names.add(names.slice(at, at + SLICE));
        await painted();
      }
      if (generation !== this.#generation) return;
      this.#names.replace(names);
      this.updateUsed();
    } catch {
      // The connection is lost, and the toolbar shows that; the next generation asks again.
      this.#generation = undefined;
    }
  }

  /**
   * Insert a name into a field, or remove it, and return a sentence about it.
   *
   * @param {Entry} entry
   * @param {Field} field
   */
  toggle(entry, field) {
    const { name } = entry;
    if (!canBeWritten(name)) return phrase("Not added: in a prompt, a # begins a comment. Rename {name} to use it", { name });
    this.addNames([entry]);
    const done = this.fields.toggle(field, name, this.#names, this.separator);
    if (done === "missing") return NO_FIELD[field];
    if (done === "removed") return REMOVED[field](name);
    const added = ADDED[field](name);
    if (!obstacle(entry)) return added;
    return phrase("{added}, but this file is not used: {reason}", { added, reason: entry.reason ?? "" });
  }

  /**
   * Return whether all of several names are in their fields.
   *
   * @param {Member[]} members
   */
  hasAll(members) {
    return members.every(({ name, field }) => isUsed(this.#used[field], name));
  }

  /**
   * Insert those of several names that are missing, or remove all if none is; return a sentence about it.
   *
   * @param {Member[]} members
   * @param {boolean} [isWanted] Whether to insert them.
   */
  toggleAll(members, isWanted) {
    this.#names.add(members.map(({ name }) => name));
    return toggleAll(this.fields, members, this.#names, this.separator, isWanted);
  }

  /** Find the names in the prompts, once before the next frame. */
  updateUsed() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const before = this.#used;
      const usedIn = (/** @type {Field} */ field) =>
        this.#names.usedIn(this.fields.text(field), { isNegative: field === "negative" });
      this.#used = { positive: usedIn("positive"), negative: usedIn("negative") };
      if (!FIELDS.every((field) => areSame(before[field], this.#used[field]))) this.listener.usedChanged();
    });
  }
}

/**
 * Insert those of several names that are missing, or remove all if none is; return a sentence about it.
 *
 * @param {PromptFields} fields
 * @param {Member[]} members
 * @param {KnownNames} names
 * @param {string} separator
 * @param {boolean} [isWanted] Whether to insert them.
 */
export function toggleAll(fields, members, names, separator, isWanted) {
  const good = members.filter(({ name, field }) => canBeWritten(name) && fields.textarea(field));
  const used = (/** @type {Field} */ field) => names.usedIn(fields.text(field), { isNegative: field === "negative" });
  isWanted ??= !good.every(({ name, field }) => isUsed(used(field), name));
  for (const field of FIELDS) {
    const inField = used(field);
    const own = good.filter((member) => member.field === field && isUsed(inField, member.name) !== isWanted);
    if (own.length) fields.toggleEach(field, own, isWanted, names, separator);
  }
  const left = members.length - good.length;
  const counted = { names: COUNTED.names(good.length) };
  const outcome = isWanted ? phrase("Added {names}", counted) : phrase("Removed {names}", counted);
  return left ? phrase("{outcome}; {names} cannot be written here", { outcome, names: COUNTED.names(left) }) : outcome;
}

/**
 * @param {ReadonlySet<string>} a
 * @param {ReadonlySet<string>} b
 */
function areSame(a, b) {
  return a.size === b.size && Array.from(a).every((name) => b.has(name));
}

/** Wait until the present page is on the screen. */
function painted() {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}
