/**
 * What each action of the tab does: of a card, of the toolbar, of the details, of what is picked.
 */

import { copyText } from "../dom.mjs";
import { COUNTED, phrase, sentenceCase } from "../phrases.mjs";
import { changesText, FIELDS } from "../words.mjs";
import { showKeys } from "./keys.mjs";
import { EVERYTHING } from "./query.mjs";
import { openEditor } from "../webui.mjs";

/** @typedef {import("../answers.mjs").Entry} Entry */
/** @typedef {import("../answers.mjs").Field} Field */
/** @typedef {import("../own.mjs").Member} Member */
/** @typedef {import("./query.mjs").Query} Query */
/** @typedef {(target: HTMLElement, event: Event) => unknown} Action */

/**
 * @typedef {object} Tab What they act on.
 * @property {HTMLElement} root
 * @property {import("../api.mjs").Api} api
 * @property {import("../own.mjs").Own} own
 * @property {import("./query.mjs").Display} display
 * @property {import("../cards/details.mjs").DetailsPanel} details
 * @property {import("../cards/new_picture.mjs").NewPicture} newPicture
 * @property {import("../prompt/insertion.mjs").Insertion} insertion
 * @property {import("./files.mjs").Files} files
 * @property {import("./folders.mjs").FolderTree} tree
 * @property {import("./picks.mjs").Picks} picks
 * @property {import("./search.mjs").Search} search
 * @property {import("./sets.mjs").Sets} sets
 * @property {import("./toolbar.mjs").Toolbar} toolbar
 * @property {import("./undo.mjs").UndoBar} undo
 * @property {(part: HTMLElement, act: (entry: Entry) => unknown) => void} withEntry Act on what a part shows.
 * @property {(query: Partial<Query>) => void} accept Show another part of the library.
 * @property {(change: Partial<import("./query.mjs").Display>) => void} choose
 * @property {(sort: any) => void} sort
 */

/**
 * Return all of them, by the `data-action` of what was clicked, changed or typed into.
 *
 * @param {Tab} tab
 * @returns {Record<string, Action>}
 */
export function actionsOf(tab) {
  return { ...actionsOfCards(tab), ...actionsOfDetails(tab), ...actionsOfToolbar(tab), ...actionsOfPicks(tab), ...actionsOfFiles(tab) };
}

/**
 * @param {Tab} tab
 * @returns {Record<string, Action>}
 */
function actionsOfCards(tab) {
  const { insertion, details, picks } = tab;
  return {
    insert: (card, event) => tab.withEntry(card, (entry) => {
      if (details.entry || !picks.take(entry, event)) toggle(tab, entry, insertion.targetFor(entry, event));
    }),
    positive: (card) => tab.withEntry(card, (entry) => toggle(tab, entry, "positive")),
    negative: (card) => tab.withEntry(card, (entry) => toggle(tab, entry, "negative")),
    favourite: (card) => tab.withEntry(card, (entry) => toggleFavourite(tab, entry)),
    details: (part, event) => tab.withEntry(part, (entry) => {
      if (!part.matches(".main") || !picks.take(entry, event)) details.open(entry);
    }),
    edit: (_button, event) => openEditor(tab.root, event),
  };
}

/**
 * @param {Tab} tab
 * @returns {Record<string, Action>}
 */
function actionsOfDetails(tab) {
  const { details, newPicture } = tab;
  return {
    before: () => details.walk(-1),
    behind: () => details.walk(1),
    twin: ({ dataset }) =>
      // Where it is gone, the present ones are shown.
      tab.api.entry(dataset.id ?? "").then((entry) => details.open(entry), () => details.refresh()),
    find: ({ dataset: { query } }) => {
      details.close();
      tab.accept({ ...EVERYTHING, text: query });
    },
    reveal: () => details.entry && tab.api.reveal(details.entry.id).catch(({ message }) => tab.undo.show(sentenceCase(message))),
    enlarge: () => details.enlarge(),
    close: (button) => button.closest("dialog")?.close(),
    rename: ({ dataset }) => details.renaming.open(dataset.name ?? ""),
    copy: (button) => details.copy(button),
    choice: (input) => details.choose(/** @type {HTMLInputElement} */ (input)),
    "choose-picture": (button) => tab.withEntry(button, (entry) => newPicture.choose(entry)),
    "last-picture": (button) => tab.withEntry(button, (entry) => newPicture.takeLast(entry)),
  };
}

/**
 * @param {Tab} tab
 * @returns {Record<string, Action>}
 */
function actionsOfToolbar(tab) {
  const { toolbar, search, tree, insertion, sets } = tab;
  return {
    keys: () => showKeys(tab.root),
    search: () => search.select({ text: toolbar.search.value.trim() }),
    filter: ({ dataset }) => search.select({ filter: /** @type {Query["filter"]} */ (dataset.value) }),
    family: () => search.select({ family: toolbar.family.value }),
    folder: ({ dataset }) => search.select({ folder: dataset.id ?? "" }),
    fold: (twisty) => tree.fold(/** @type {HTMLElement} */ (twisty.parentElement)),
    folders: () => tab.choose({ showsFolders: !tab.display.showsFolders }),
    sort: () => tab.sort(toolbar.sort.value),
    column: ({ dataset }) => tab.sort(dataset.value),
    veil: () => tab.choose({ veils: !tab.display.veils }),
    view: () => tab.choose({ isList: !tab.display.isList }),
    scale: () => tab.choose({ scale: toolbar.scale.valueAsNumber }),
    order: () => tab.sort(tab.display.sort),
    target: ({ dataset }) => insertion.choose(FIELDS.find((field) => field === dataset.value) ?? null),
    rescan: () => toolbar.attempt(phrase("Not scanned"), async () => changesText(await tab.api.rescan())),
    offer: ({ dataset }) => tab.accept(JSON.parse(dataset.query ?? "{}")),
    set: ({ dataset }) => sets.toggle(dataset.name),
    "manage-sets": () => sets.open(),
    "rename-set": (button) => sets.rename(button),
    "delete-set": (button) => sets.delete(button),
  };
}

/**
 * @param {Tab} tab
 * @returns {Record<string, Action>}
 */
function actionsOfPicks(tab) {
  const { toolbar, search, insertion, picks, sets } = tab;
  const members = () => picks.embeddings.map((entry) => memberOf(entry, insertion.targetOf(entry)));
  return {
    pick: () => (picks.isOn ? picks.end() : picks.begin()),
    "pick-card": (card) => tab.withEntry(card, (entry) => picks.pick(entry)),
    "pick-all": () => toolbar.attempt(phrase("Not selected"), async () => {
      picks.add(await search.found());
      return phrase("Selected {files}", { files: COUNTED.files(picks.entries.length) });
    }),
    "end-picks": () => picks.end(),
    "insert-picked": () => toolbar.showStatus(insertion.toggleAll(members())),
    "favourite-picked": () => toolbar.attempt(phrase("Not saved"), () => markAll(tab, picks.entries)),
    "copy-picked": () => toolbar.attempt(phrase("Not copied"), async () => {
      const { length } = picks.embeddings;
      const isCopied = await copyText(picks.embeddings.map(({ name }) => name).join(", "), tab.root);
      return isCopied ? phrase("Copied {names}", { names: COUNTED.names(length) }) : phrase("Your browser blocked copying");
    }),
    "set-of-picked": () => sets.open(members()),
  };
}

/**
 * @param {Tab} tab
 * @returns {Record<string, Action>}
 */
function actionsOfFiles(tab) {
  const { files, picks, details } = tab;
  const { trash, getMore, tryIt, learnWord } = files;
  return {
    hide: (card) => tab.withEntry(card, (entry) => files.hide([entry])),
    delete: (part) => tab.withEntry(part, (entry) => files.delete([entry])),
    move: () => files.chooseFolder(),
    "delete-picked": () => files.delete(picks.entries).then(() => picks.end()),
    "hide-picked": () => files.hide(picks.entries).then(() => picks.end()),
    "move-picked": () => files.chooseFolderIn(picks.mover),
    "get-more": () => getMore?.open(),
    "add-files": () => files.drops.open(),
    learn: () => learnWord?.open(),
    identify: (part) => tab.withEntry(part, (entry) => {
      details.close();
      getMore?.identify(entry);
    }),
    try: (part) => tab.withEntry(part, (entry) => {
      details.close();
      tryIt?.open([entry]);
    }),
    "try-picked": () => tryIt?.open(picks.embeddings),
    trash: () => trash.open(),
    restore: (button) => trash.restore(button),
    "empty-trash": () => trash.ask(true),
    "keep-trash": () => trash.ask(false),
    "empty-trash-for-good": () => trash.empty(),
  };
}

/**
 * @param {Entry} entry
 * @param {Field} field
 * @returns {Member}
 */
function memberOf({ name }, field) {
  return { name, field, weight: 1 };
}

/**
 * @param {Tab} tab
 * @param {Entry} entry
 * @param {Field} field
 */
function toggle({ details, insertion, toolbar }, entry, field) {
  const outcome = details.aside(() => insertion.toggle(entry, field));
  toolbar.showStatus(outcome);
  details.status.textContent = outcome;
}

/**
 * @param {Tab} tab
 * @param {Entry} entry
 */
function toggleFavourite({ api, search, toolbar }, { id, name, favourite }) {
  toolbar.attempt(phrase("Not saved"), async () => {
    await api.choose(id, { favourite: !favourite });
    search.refresh();
    return favourite ? phrase("Removed {name} from the favourites", { name }) : phrase("Added {name} to the favourites", { name });
  });
}

/**
 * Mark all of some entries as favourites, or none where all are.
 *
 * @param {Tab} tab
 * @param {Entry[]} entries
 */
async function markAll({ own, search }, entries) {
  const isWanted = !entries.every(({ favourite }) => favourite);
  const changed = entries.filter(({ favourite }) => favourite !== isWanted);
  await own.mark(changed.map(({ id }) => id), isWanted);
  search.refresh();
  const name = COUNTED.files(changed.length);
  return isWanted ? phrase("Added {name} to the favourites", { name }) : phrase("Removed {name} from the favourites", { name });
}
