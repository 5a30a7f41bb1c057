/**
 * What people do to files: move them, delete them, hide them and take that back.
 */

import { element, folderOptions, textButton } from "../dom.mjs";
import { formInPlace, watched } from "../forms.mjs";
import { COUNTED, failed, phrase } from "../phrases.mjs";
import { LearnWord } from "../pictures/learn_word.mjs";
import { TryIt } from "../pictures/try_it.mjs";
import { GetMore } from "../sources/get_more.mjs";
import { WORDS as SITES } from "../sources/site_words.mjs";
import { Drops } from "./drop.mjs";
import { Trash } from "./trash.mjs";

/** @typedef {import("../answers.mjs").Entry} Entry */
/** @typedef {import("../answers.mjs").Folder} Folder */
/** @typedef {import("../answers.mjs").Trashed} Trashed */
/** @typedef {{folder: string, newFolder: string}} Target The id of a folder, and the name of a new one in it. */

/**
 * @typedef {object} Parts What files are shown in.
 * @property {HTMLElement} home The tab.
 * @property {import("../api.mjs").Api} api
 * @property {import("../answers.mjs").Host} host
 * @property {import("../cards/grid.mjs").Grid} grid
 * @property {import("../cards/details.mjs").DetailsPanel} details
 * @property {import("./search.mjs").Search} search
 * @property {import("./folders.mjs").FolderTree} tree
 * @property {import("./undo.mjs").UndoBar} undo
 * @property {import("../cards/new_picture.mjs").NewPicture} newPicture
 * @property {(id: string, name: string) => void} reveal Bring the card of a file into sight.
 */

export class Files {
  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
    const { home } = parts;
    const changed = () => {
      parts.undo.clear();
      parts.search.refresh();
    };
    this.trash = new Trash(parts.api, { home, restored: changed, emptied: changed });
    this.drops = new Drops(parts.api, parts.host, {
      home,
      folders: () => parts.tree.folders,
      folder: () => parts.search.results?.summary?.folder,
      added: (entries, { title }) => {
        parts.search.refresh();
        parts.undo.show(phrase("Added {names} to {folder}", { names: nameOf(entries), folder: title }), () => this.#takeBack(entries));
      },
      linked: (link) => this.#get(link),
    });
    const folder = () => parts.search.query.folder;
    const { searchable } = parts.host;
    const folders = { home, folder, folders: () => parts.tree.folders, shown: parts.reveal };
    this.getMore = searchable.length ? new GetMore(parts.api.base, parts.host, folders) : undefined;
    this.tryIt = parts.host.tries ? this.#offerTries(parts.host.tries) : undefined;
    this.learnWord = parts.host.may_learn ? new LearnWord(parts.api.base, folders) : undefined;
    this.mover = new Mover((target) => this.#moveShown(target));
    if (!parts.host.may_change_files) return;
    const move = textButton("move", phrase("Move to …"), { "data-key": "move" });
    const remove = textButton("delete", phrase("Delete"), { "data-key": "delete" });
    const identify = textButton("identify", SITES.identifyOne, { "data-key": "identify", hidden: !searchable.length });
    parts.details.renaming.root.append(element("div", { class: "file-actions" }, this.mover.form, move, remove, identify));
  }

  /** Let the dialogs that bring files know which folders there are now. */
  offerFolders() {
    this.drops.offerFolders();
    this.getMore?.offerFolders();
  }

  /** @param {import("../answers.mjs").Tries} tries */
  #offerTries(tries) {
    const { home, api, details, newPicture } = this.parts;
    details.insert.after(textButton("try", phrase("Try it")));
    return new TryIt(api.base, tries, {
      home,
      inside: (id) => api.entry(id),
      keep: (entry, picture) => newPicture.put(entry, picture),
      closed: ([{ id }, ...others]) => others.length || api.entry(id).then((now) => details.open(now), () => {}),
    });
  }

  /** @param {string} link */
  #get(link) {
    this.getMore?.open();
    this.getMore?.add(link);
  }

  /** Ask for the folder that the shown file moves to. */
  chooseFolder() {
    this.mover.open(this.parts.tree.folders, this.parts.details.entry?.folder);
  }

  /**
   * Ask for the folder that several files move to.
   *
   * @param {Mover} mover
   */
  chooseFolderIn(mover) {
    mover.open(this.parts.tree.folders, undefined);
  }

  /**
   * Move files to the trash, and offer to take that back for as long as the page is open.
   *
   * @param {Entry[]} entries
   */
  async delete(entries) {
    const { api, details, search } = this.parts;
    /** @type {Trashed[]} */
    const gone = [];
    await details.moving(() => this.#attempt(phrase("Not deleted"), async () => {
      for (const { id } of entries) gone.push(await api.delete(id));
      if (entries.some(({ id }) => id === details.entry?.id)) details.close();
    }));
    if (!gone.length) return;
    this.parts.undo.show(phrase("Deleted {names}", { names: nameOf(gone) }), () => this.#restore(gone));
    search.refresh();
  }

  /**
   * Move files to another folder.
   *
   * @param {Entry[]} entries
   * @param {Target} target
   * @returns {Promise<Entry | undefined>} The last one that moved.
   */
  async move(entries, { folder, newFolder }) {
    const { api, search, tree, undo } = this.parts;
    /** @type {{id: string, folder: string}[]} */
    const moved = [];
    /** @type {Entry | undefined} */
    let last;
    await this.#attempt(phrase("Not moved"), async () => {
      for (const entry of entries) {
        last = await api.move(entry.id, folder, newFolder);
        moved.push({ id: last.id, folder: entry.folder });
        search.replace(last, entry.id);
      }
    });
    const title = newFolder || tree.folders.find(({ id }) => id === folder)?.title;
    if (!last) return undefined;
    const names = nameOf(entries.slice(0, moved.length));
    undo.show(phrase("Moved {names} to {folder}", { names, folder: title ?? folder }), () => this.#moveBack(moved));
    return last;
  }

  /**
   * Hide files, or show them again where all are hidden.
   *
   * @param {Entry[]} entries
   */
  async hide(entries) {
    const { api, search, undo } = this.parts;
    const hidden = !entries.every((entry) => entry.hidden);
    const changed = entries.filter((entry) => entry.hidden !== hidden);
    const choose = async (/** @type {boolean} */ isHidden) => {
      for (const { id } of changed) await api.choose(id, { hidden: isHidden });
      search.refresh();
      const names = nameOf(changed);
      return isHidden ? phrase("{names} hidden", { names }) : phrase("{names} shown again", { names });
    };
    await this.#attempt(phrase("Not hidden"), async () => undo.show(await choose(hidden), () => choose(!hidden)));
  }

  /** @param {Trashed[]} gone */
  async #restore(gone) {
    const { api, details, grid, search } = this.parts;
    const restored = nameOf(gone);
    grid.focus(); // The button goes away, and the card comes with the next results.
    const from = document.activeElement;
    while (gone.length) {
      const entry = await api.restore(gone[0].id);
      gone.shift();
      if (!details.entry) grid.reveal(entry.id, from);
    }
    search.refresh();
    return phrase("Restored {names}", { names: restored });
  }

  /** @param {Entry[]} added */
  async #takeBack(added) {
    const { api, search } = this.parts;
    /** @type {Error | undefined} */
    let problem;
    for (const { id } of added) await api.delete(id).catch((error) => (problem = error));
    search.refresh();
    if (problem) throw problem;
    return phrase("Moved {names} to the trash", { names: nameOf(added) });
  }

  /** @param {{id: string, folder: string}[]} moved */
  async #moveBack(moved) {
    const { api, search } = this.parts;
    const { length } = moved;
    while (moved.length) {
      await api.move(moved[0].id, moved[0].folder);
      moved.shift();
    }
    search.refresh();
    return phrase("Moved {files} back", { files: COUNTED.files(length) });
  }

  /** @param {Target} target */
  async #moveShown(target) {
    const { details } = this.parts;
    const { entry } = details;
    const moved = await details.moving(async () => entry && this.move([entry], target));
    if (moved) details.refresh();
    return moved !== undefined;
  }

  /**
   * Do something, and say why it failed.
   *
   * @param {string} failure The beginning of the sentence.
   * @param {() => Promise<unknown>} work
   */
  async #attempt(failure, work) {
    try {
      await work();
    } catch (error) {
      this.parts.undo.show(failed(failure, error));
    }
  }
}

/** Asks for a folder, or for a new one in it. */
export class Mover {
  #folder = element("select", { "aria-label": phrase("Folder"), "data-key": "folder" });
  #newFolder = element("input", {
    type: "text",
    "aria-label": phrase("New subfolder"),
    placeholder: phrase("New subfolder (optional)"),
    "data-key": "new-folder",
    autocomplete: "off",
    dir: "auto",
  });
  /** @type {HTMLElement | undefined} */
  #opener;

  /** @param {(target: Target) => Promise<boolean>} move Returns whether it did. */
  constructor(move) {
    this.move = move;
    const submit = element("button", { type: "submit", class: "plain", "data-key": "move-there" }, phrase("Move"));
    this.form = formInPlace([this.#folder, this.#newFolder], submit, () => this.#opener);
    this.form.addEventListener("submit", (event) => this.#submit(event));
  }

  /**
   * @param {Folder[]} folders
   * @param {string | undefined} current The id of the one where the files are.
   */
  open(folders, current) {
    const options = folderOptions(folders);
    this.#folder.replaceChildren(...options);
    this.#folder.value = folders.find(({ id }) => id !== current)?.id ?? current ?? "";
    this.#newFolder.value = "";
    this.#opener = /** @type {HTMLElement} */ (document.activeElement);
    this.form.hidden = false;
    this.#folder.focus();
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    const since = watched(this.form);
    const isMoved = await this.move({ folder: this.#folder.value, newFolder: this.#newFolder.value.trim() });
    if (isMoved && !since.isLeft && !since.isEdited) this.form.reset();
  }
}

/** @param {{name: string}[]} files */
function nameOf(files) {
  return files.length === 1 ? files[0].name : COUNTED.files(files.length);
}
