/**
 * The words that people read for the API's keys and numbers.
 */

import { COUNTED, number, phrase } from "./phrases.mjs";

/** @typedef {import("./api.mjs").Entry} Entry */
/** @typedef {import("./api.mjs").Field} Field */
/** @typedef {import("./api.mjs").Fit} Fit */
/** @typedef {import("./api.mjs").Host} Host */
/** @typedef {import("./api.mjs").State} State */
/** @typedef {import("./api.mjs").Twin} Twin */

const GRAPHEMES = new Intl.Segmenter();

/** @type {Field[]} */
export const FIELDS = ["positive", "negative"];

/** @type {Record<Field, string>} */
export const FIELD_TITLES = { positive: phrase("Prompt"), negative: phrase("Negative prompt") };

/** @type {Record<Field, string>} Where there is little room. */
export const SHORT_TITLES = { positive: phrase("Prompt"), negative: phrase("Negative") };

/** @type {Record<Field, string>} */
export const INSERT_INTO = { positive: phrase("Insert into the prompt"), negative: phrase("Insert into the negative prompt") };

/** @type {Record<Field, string>} */
export const REMOVE_FROM = { positive: phrase("Remove from the prompt"), negative: phrase("Remove from the negative prompt") };

/** @type {Partial<Record<State | Fit, string>>} */
const OBSTACLES = {
  partial: phrase("Partially compatible"),
  incompatible: phrase("Other model"),
  duplicate: phrase("Duplicate name"),
  broken: phrase("Broken file"),
  unsafe: phrase("Unsafe file"),
  foreign: phrase("Not an embedding"),
};

/**
 * Return the titles of model families.
 *
 * @param {Host} host
 * @param {string[]} keys
 */
export function familyTitles({ families }, keys) {
  const titles = new Map(families.map(({ key, title }) => [key, title]));
  return keys.map((key) => titles.get(key) ?? key);
}

/**
 * Return what keeps the active model from using an entry; undefined where nothing does.
 *
 * @param {Pick<Entry, "state" | "fit">} entry
 */
export function obstacle({ state, fit }) {
  return OBSTACLES[state] ?? (fit ? OBSTACLES[fit] : undefined);
}

/**
 * Tell whether some model can use an entry.
 *
 * @param {Entry} entry
 */
export function isEmbedding({ state }) {
  return state === "ok" || state === "duplicate";
}

/**
 * Return the sentence that an embedding was renamed, and which prompts still hold the old name.
 *
 * @param {string} old
 * @param {Record<Field, boolean>} places Which prompts hold the old name.
 */
export function renamedText(old, { positive, negative }) {
  if (positive && negative) return phrase("Renamed. Both prompts still use the old name {old}.", { old });
  if (positive) return phrase("Renamed. The prompt still uses the old name {old}.", { old });
  if (negative) return phrase("Renamed. The negative prompt still uses the old name {old}.", { old });
  return phrase("Renamed.");
}

/**
 * Return the sentence about what a scan found.
 *
 * @param {import("./api.mjs").Changes} changes
 */
export function changesText({ added, modified, deleted }) {
  if (!(added + modified + deleted)) return phrase("Nothing has changed");
  const counts = { added: number(added), modified: number(modified), deleted: number(deleted) };
  return phrase("{added} added, {modified} changed, {deleted} deleted", counts);
}

/**
 * Return the folder of a path.
 *
 * @param {string} path
 */
export function folderOf(path) {
  return path.split("/").slice(0, -1).join("/") || phrase("main folder");
}

/**
 * Return whether files of one name are the same; nothing where that is not known.
 *
 * @param {Twin[]} twins
 */
export function sameness(twins) {
  if (twins.some(({ same_bytes }) => same_bytes === false)) return phrase("different");
  return twins.every(({ same_bytes }) => same_bytes) ? phrase("same bytes") : "";
}

/** What people read of what other programs and sites say about a file. */
export const CLAIMS = {
  heading: phrase("What others say about it"),
  title: phrase("Title"),
  author: phrase("Author"),
  licence: phrase("Licence"),
  baseModel: phrase("Base model"),
  tags: phrase("Tags"),
  weight: phrase("Weight"),
  maturity: phrase("Maturity"),
  mature: phrase("Adult content"),
  veil: phrase("Blur or show adult pictures"),
  scan: phrase("Safety scan"),
  page: phrase("Page"),
  tool: phrase("Said by"),
  /** @param {string} text */
  find: (text) => phrase("Show all with {text}", { text }),
};

/** What people read where embeddings come from elsewhere. */
export const SITES = {
  title: phrase("Get more embeddings"),
  open: phrase("Get more embeddings from Civitai, Hugging Face or a link"),
  reference: phrase("Link, hash or name"),
  referenceHint: phrase("Paste a link, a hash or a name"),
  folder: phrase("Folder to put it in"),
  get: phrase("Get"),
  jobs: phrase("In progress"),
  progress: phrase("Progress"),
  cancel: phrase("Cancel"),
  hide: phrase("Hide this"),
  showCard: phrase("Show its card"),
  newName: phrase("New name"),
  search: phrase("Search"),
  where: phrase("Where to search"),
  family: phrase("Models"),
  anyFamily: phrase("For any model"),
  sort: phrase("Order of the results"),
  mature: phrase("Include adult content (blurred)"),
  byToken: phrase("Name it by its token"),
  results: phrase("Results"),
  more: phrase("More"),
  choose: phrase("Choose where to search. Nothing is sent until then."),
  searching: phrase("Searching …"),
  reveal: phrase("Show this picture"),
  identify: phrase("Identify files"),
  identifyAll: phrase("Identify all unknown files"),
  identifyOne: phrase("Ask Civitai about it"),
  identifying: phrase("Asking Civitai"),
  identifyHint:
    phrase("Civitai knows many files by their SHA-256. Only these are sent, never a name; what it knows is written beside the files."),
  send: phrase("Send"),
  keep: phrase("Do not send"),
  findIt: phrase("Find it"),
  drop: phrase("Get the embedding behind this link"),
  /** @type {Record<string, string>} */
  kinds: { object: phrase("Object"), style: phrase("Style") },
  answers: { name: phrase("Use this name"), files: phrase("Get these"), keep_wrong_hash: phrase("Keep it anyway") },
  states: {
    waiting: phrase("Waiting …"),
    working: phrase("On its way …"),
    asking: phrase("Waiting for your answer"),
    done: phrase("In your library"),
    failed: phrase("Try again"),
    cancelled: phrase("Get"),
  },
  /** @param {string} title */
  getIt: (title) => phrase("Get {title}", { title }),
  /** @param {string} author */
  by: (author) => phrase("by {author}", { author }),
  /** @param {string} source */
  page: (source) => phrase("Open its page on {source}", { source }),
  /** @param {string} title */
  forFamily: (title) => phrase("For {title}", { title }),
  /** @param {string} title */
  searchIn: (title) => phrase("Search {title}", { title }),
  /** @param {string} text @param {string} title */
  nothing: (text, title) =>
    text ? phrase("{title} has nothing for “{text}”.", { title, text }) : phrase("{title} has nothing.", { title }),
  /** @param {string} [name] */
  whatIsSent: (name) =>
    name
      ? phrase("The SHA-256 of {name} is sent to Civitai and nothing else: no name and no key.", { name })
      : phrase("The SHA-256 of each unknown file is sent to Civitai and nothing else: no name and no key."),
  /** @param {{kind: string, state: string, result: {asked?: number, known?: number, is_new?: boolean} | null}} job */
  outcome: ({ kind, state, result }) => {
    if (state === "waiting") return phrase("Waiting for its turn …");
    if (state === "cancelled") return phrase("Cancelled. Nothing was kept.");
    if (!result) return "";
    if (kind === "identify") {
      const { asked = 0, known = 0 } = result;
      if (!asked) return phrase("All files are already identified.");
      return phrase("Civitai knows {known} of {files}.", { known: number(known), files: COUNTED.files(asked) });
    }
    return result.is_new ? phrase("It is now in your library.") : phrase("It was already in your library.");
  },
};

/**
 * Return how many files a card stands for, where it is more than one; and else what the others are
 * beside it that have cards of their own.
 *
 * @param {Twin[]} twins
 */
export function twinsText(twins) {
  const grouped = twins.filter(({ is_grouped }) => is_grouped);
  const same = twins.length ? sameness(grouped.length ? grouped : twins) : "";
  const files = grouped.length ? COUNTED.files(grouped.length + 1) : "";
  return [files, same].filter(Boolean).join(" · ");
}

/**
 * Return the one or two characters that represent a name where there is no picture.
 *
 * @param {string} name
 */
export function initials(name) {
  const words = name.split(/[^\p{L}\p{M}\p{N}\p{Extended_Pictographic}\u200d\ufe0f]+/u).filter(Boolean);
  const firsts = words.slice(0, 2).map((word) => firstGrapheme(word));
  return firsts.join("").toUpperCase() || "·";
}

/**
 * Return a hue from 0 to 359 that is always the same for a name.
 *
 * @param {string} name
 */
export function hue(name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  // Names that differ in their last character only should not look alike.
  return (Math.imul(hash, 2654435761) >>> 0) % 360;
}

/** @param {string} word */
function firstGrapheme(word) {
  for (const { segment } of GRAPHEMES.segment(word)) return segment;
  return "";
}
