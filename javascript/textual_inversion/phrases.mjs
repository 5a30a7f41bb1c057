/**
 * The page's texts in the reader's language.
 *
 * A phrase is a text of the page, in English as it stands in the code; `localizations/` has its translations. A
 * WebUI puts the translations chosen in its settings on its window. Without such a setting, the browser's
 * languages decide.
 */

/** The files in `localizations/`, by language and script. */
const OURS = new Map([
  ["de-Latn", "de_DE"],
  ["zh-Hans", "zh_CN"],
]);
const ENGLISH = "en-Latn";

/** @type {Record<string, string>} English texts and their translations. */
const TRANSLATIONS = /** @type {any} */ (globalThis).localization ?? (await loadOurs());

/** The language in which numbers and dates are written. */
const LANGUAGE = phrase("en-US");
const NUMBER = new Intl.NumberFormat(LANGUAGE);
const MEASURED = new Intl.NumberFormat(LANGUAGE, { maximumSignificantDigits: 3 });
const LIST = new Intl.ListFormat(LANGUAGE);
const DAY = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium" });
const DATE = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium", timeStyle: "short" });

/** Counts of things. */
export const COUNTED = {
  /** @param {number} count */
  embeddings: (count) => phrases(count, "{count} embedding", "{count} embeddings"),
  /** @param {number} count */
  files: (count) => phrases(count, "{count} file", "{count} files"),
  /** @param {number} count */
  names: (count) => phrases(count, "{count} name", "{count} names"),
  /** @param {number} count */
  previews: (count) => phrases(count, "{count} preview made", "{count} previews made"),
  /** @param {number} count */
  steps: (count) => phrases(count, "{count} step", "{count} steps"),
  /** @param {number} count */
  vectors: (count) => phrases(count, "{count} vector", "{count} vectors"),
};

/**
 * Return a phrase in the reader's language.
 *
 * @param {string} english As `localizations/` has it.
 * @param {Record<string, string | number>} [values] Values for the names in braces.
 */
export function phrase(english, values = {}) {
  return translated(english, values);
}

/**
 * Return a phrase about one thing, or about any other number of things.
 *
 * @param {number} count Stands for `{count}`.
 * @param {string} one
 * @param {string} many
 */
export function phrases(count, one, many) {
  return translated(count === 1 ? one : many, { count: number(count) });
}

/**
 * Return a sentence that says what failed, and why.
 *
 * @param {string} failure
 * @param {unknown} error
 */
export function failed(failure, error) {
  return phrase("{failure}: {problem}", { failure, problem: /** @type {Error} */ (error).message });
}

/** @param {number} value */
export function number(value) {
  return NUMBER.format(value);
}

/**
 * Return a value that was measured, with three digits.
 *
 * @param {number} value
 */
export function measured(value) {
  return MEASURED.format(value);
}

/** @param {string[]} texts */
export function listed(texts) {
  return LIST.format(texts);
}

/** @param {number} bytes */
export function size(bytes) {
  const units = [phrase("bytes"), "KB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${measured(bytes / 1000 ** power)} ${units[power]}`;
}

/** @param {number} seconds Since 1970. */
export function date(seconds) {
  return DATE.format(new Date(seconds * 1000));
}

/** @param {number} seconds Since 1970. */
export function day(seconds) {
  return DAY.format(new Date(seconds * 1000));
}

/** A first word that has more than letters in it is the name of a file, or something else that has its own. */
const NAMED = /^\S*[^\s\p{L}\p{M}'’(-]\S/u;

/** @param {string} sentence */
export function sentenceCase(sentence) {
  return NAMED.test(sentence) ? sentence : sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/**
 * @param {string} english
 * @param {Record<string, string | number>} values
 */
function translated(english, values) {
  const text = TRANSLATIONS[english] || english;
  return text.replace(/\{(\w+)\}/g, (name, key) => String(values[key] ?? name));
}

/** @returns {Promise<Record<string, string>>} None if English comes first, or no language that we have. */
async function loadOurs() {
  const wanted = (globalThis.navigator?.languages ?? []).map(writingOf);
  const first = wanted.find((writing) => writing === ENGLISH || OURS.has(writing));
  const ours = OURS.get(first ?? ENGLISH);
  if (!ours) return {};
  const address = new URL(`../../localizations/${ours}.json`, import.meta.url);
  return fetch(address).then((answer) => answer.json()).catch(() => ({}));
}

/** @param {string} tag Of a language. */
function writingOf(tag) {
  try {
    const { language, script } = new Intl.Locale(tag).maximize();
    return `${language}-${script}`;
  } catch {
    return ""; // On a machine without a language some browsers name the locale "C".
  }
}
