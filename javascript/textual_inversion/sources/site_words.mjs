/**
 * The words about embeddings from elsewhere.
 */

import { COUNTED, number, phrase } from "../phrases.mjs";

export const WORDS = {
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
