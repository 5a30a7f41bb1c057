/**
 * The words that people read for the API's keys and numbers.
 */

/** @typedef {import("./api.mjs").Entry} Entry */
/** @typedef {import("./api.mjs").Field} Field */
/** @typedef {import("./api.mjs").Fit} Fit */
/** @typedef {import("./api.mjs").Host} Host */
/** @typedef {import("./api.mjs").State} State */
/** @typedef {import("./api.mjs").Twin} Twin */

const NUMBER = new Intl.NumberFormat("en");
const DAY = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const DATE = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const GRAPHEMES = new Intl.Segmenter();

/** @type {Field[]} */
export const FIELDS = ["positive", "negative"];

/** @type {Record<Field, string>} */
export const FIELD_TITLES = { positive: "Prompt", negative: "Negative prompt" };

/** @type {Record<Field, string>} Where there is little room. */
export const SHORT_TITLES = { positive: "Prompt", negative: "Negative" };

/** @type {Partial<Record<State | Fit, string>>} */
const OBSTACLES = {
  partial: "Partially compatible",
  incompatible: "Other model",
  duplicate: "Duplicate name",
  broken: "Broken file",
  unsafe: "Unsafe file",
  foreign: "Not an embedding",
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
  if (positive && negative) return `Renamed. Both prompts still use the old name ${old}.`;
  if (positive || negative)
    return `Renamed. The ${positive ? "prompt" : "negative prompt"} still uses the old name ${old}.`;
  return "Renamed.";
}

/**
 * Return the sentence about what a scan found.
 *
 * @param {import("./api.mjs").Changes} changes
 */
export function changesText({ added, modified, deleted }) {
  return added + modified + deleted
    ? `${number(added)} added, ${number(modified)} changed, ${number(deleted)} deleted`
    : "Nothing has changed";
}

/**
 * Return the folder of a path.
 *
 * @param {string} path
 */
export function folderOf(path) {
  return path.split("/").slice(0, -1).join("/") || "main folder";
}

/**
 * Return whether files of one name are the same; nothing where that is not known.
 *
 * @param {Twin[]} twins
 */
export function sameness(twins) {
  if (twins.some(({ same_bytes }) => same_bytes === false)) return "different";
  return twins.every(({ same_bytes }) => same_bytes) ? "same bytes" : "";
}

/** What people read of what other programs and sites say about a file. */
export const CLAIMS = {
  heading: "What others say about it",
  title: "Title",
  author: "Author",
  licence: "Licence",
  baseModel: "Base model",
  tags: "Tags",
  weight: "Weight",
  maturity: "Maturity",
  mature: "Not for everybody",
  veil: "Blur such pictures, or show them",
  page: "Page",
  tool: "Said by",
  /** @param {string} text */
  find: (text) => `Show all with ${text}`,
};

/** What people read where embeddings come from elsewhere. */
export const SITES = {
  title: "Get more embeddings",
  open: "Get more embeddings from Civitai, Hugging Face or a link",
  reference: "Link, hash or name",
  referenceHint: "Paste a link, a hash or a name",
  folder: "Folder to put it in",
  get: "Get",
  jobs: "Under way",
  progress: "Progress",
  cancel: "Cancel",
  hide: "Hide this",
  showCard: "Show its card",
  newName: "New name",
  search: "Search",
  where: "Where to search",
  family: "Models",
  anyFamily: "For any model",
  sort: "Order of the results",
  mature: "Also what is not for everybody, blurred",
  byToken: "Name it by its token",
  results: "Results",
  more: "More",
  choose: "Choose where to search. Nothing is sent before that.",
  searching: "Searching …",
  reveal: "Show this picture",
  identify: "Identify files",
  identifyAll: "Identify all unknown files",
  identifyOne: "Ask Civitai about it",
  identifying: "Asking Civitai",
  identifyHint:
    "Civitai knows many files by their SHA-256. Only these are sent, never a name; what it knows is written beside the files.",
  send: "Send",
  keep: "Do not send",
  findIt: "Find it",
  drop: "Get the embedding behind this link",
  /** @type {Record<string, string>} */
  kinds: { object: "Object", style: "Style" },
  answers: { name: "Use this name", files: "Get these", keep_wrong_hash: "Keep it all the same" },
  states: {
    waiting: "Waiting …",
    working: "On its way …",
    asking: "Waits for your answer",
    done: "In your library",
    failed: "Try again",
    cancelled: "Get",
  },
  /** @param {string} title */
  getIt: (title) => `Get ${title}`,
  /** @param {string} author */
  by: (author) => `by ${author}`,
  /** @param {string} source */
  page: (source) => `Open its page on ${source}`,
  /** @param {string} title */
  forFamily: (title) => `For ${title}`,
  /** @param {string} title */
  searchIn: (title) => `Search ${title}`,
  /** @param {string} text @param {string} title */
  nothing: (text, title) => (text ? `${title} has nothing for “${text}”.` : `${title} has nothing.`),
  /** @param {string} [name] */
  whatIsSent: (name) =>
    `${name ? `The SHA-256 of ${name} is` : "The SHA-256 of each file of which nothing is known is"} sent to Civitai, and nothing else: no name, and no key.`,
  /** @param {{kind: string, state: string, result: {asked?: number, known?: number, is_new?: boolean} | null}} job */
  outcome: ({ kind, state, result }) => {
    if (state === "waiting") return "Waiting for its turn …";
    if (state === "cancelled") return "Cancelled. Nothing was kept.";
    if (!result) return "";
    if (kind === "identify") {
      const { asked = 0, known = 0 } = result;
      return asked ? `Civitai knows ${number(known)} of ${counted(asked, "file")}.` : "All files are known already.";
    }
    return result.is_new ? "It is in your library now." : "It was in your library already.";
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
  const files = grouped.length ? counted(grouped.length + 1, "file") : "";
  return [files, same].filter(Boolean).join(" · ");
}

/** @param {number} value */
export function number(value) {
  return NUMBER.format(value);
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function counted(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** @param {number} bytes */
export function size(bytes) {
  const units = ["bytes", "KB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${units[power]}`;
}

/** @param {number} seconds Since 1970. */
export function date(seconds) {
  return DATE.format(new Date(seconds * 1000));
}

/** @param {number} seconds Since 1970. */
export function day(seconds) {
  return DAY.format(new Date(seconds * 1000));
}

/** @param {string} sentence */
export function sentenceCase(sentence) {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
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
