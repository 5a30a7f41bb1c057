/**
 * What people do to files from a card or the details: mark them, move them, delete them and take that back.
 */

import { element, textButton } from "../page.mjs";
import { counted } from "../words.mjs";
import { Drops } from "./drop.mjs";
import { Trash } from "./trash.mjs";

/** @typedef {import("../api.mjs").Entry} Entry */
/** @typedef {import("../api.mjs").Folder} Folder */
/** @typedef {import("../api.mjs").Trashed} Trashed */

/**
 * @typedef {object} Parts What files are shown in.
 * @property {import("../api.mjs").Api} api
 * @property {import("../api.mjs").Host} host
 * @property {import("../cards/grid.mjs").Grid} grid
 * @property {import("../cards/details.mjs").DetailsPanel} details
 * @property {import("./search.mjs").Search} search
 * @property {import("./toolbar.mjs").Toolbar} toolbar
 */

export class Files {
  /** @type {Trashed[][]} What was deleted in this page and can be restored, each time together; the last at the end. */
  #deleted = [];
  /** @type {Folder[]} */
  #folders = [];
  #sentence = element("span");
  #folder = element("select", { "aria-label": "Folder", "data-key": "folder" });

  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
    this.trash = new Trash(parts.api, {
      restored: (item) => this.#forget(item),
      emptied: () => this.#deleted.splice(0) && this.#showUndo(),
    });
    this.drops = new Drops(parts.api, parts.host, {
      folder: () => this.#folders.find(({ id }) => id === parts.search.selection.folder) ?? this.#folders[0],
      added: () => parts.search.refresh(),
    });
    this.undoLine = element("p", { class: "undo", role: "status", hidden: true }, this.#sentence, textButton("undo", "Undo"));
    const submit = element("button", { type: "submit", class: "plain", "data-key": "move-there" }, "Move");
    const cancel = textButton("cancel-move", "Cancel");
    this.form = element("form", { class: "renaming", hidden: true }, this.#folder, submit, cancel);
    this.form.addEventListener("submit", (event) => this.#submit(event));
    this.form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // It would close the dialog.
      this.#closeForm();
    });
    if (parts.host.may_change_files) parts.details.renaming.root.append(this.#buttons());
  }

  /** @type {Record<string, (part: HTMLElement) => unknown>} As `Tab` has them. */
  actions = {
    favourite: (part) => this.#withEntry(part, (entry) => this.#toggleFavourite(entry)),
    delete: (part) => this.#withEntry(part, (entry) => this.delete([entry])),
    undo: () => this.#undo(),
    move: () => this.#openForm(),
    "cancel-move": () => this.#closeForm(),
    trash: () => this.trash.open(),
    restore: (button) => this.trash.restore(button),
    "empty-trash": () => this.trash.ask(true),
    "keep-trash": () => this.trash.ask(false),
    "empty-trash-for-good": () => this.trash.empty(),
  };

  /**
   * Know the folders that files can be moved to.
   *
   * @param {Folder[]} folders
   */
  showFolders(folders) {
    this.#folders = folders;
  }

  /**
   * Move files to the trash, and offer to take that back for as long as the page is open.
   *
   * @param {Entry[]} entries
   */
  async delete(entries) {
    /** @type {Trashed[]} */
    const gone = [];
    await this.#attempt("Not deleted", async () => {
      for (const { id } of entries) gone.push(await this.parts.api.delete(id));
      this.parts.details.close();
      return "";
    });
    if (!gone.length) return;
    this.#deleted.push(gone);
    this.#showUndo();
    this.parts.search.refresh();
  }

  /**
   * Move files to another folder.
   *
   * @param {Entry[]} entries
   * @param {string} folder Its id.
   * @returns {Promise<Entry | undefined>} The last one that moved.
   */
  async move(entries, folder) {
    /** @type {Entry | undefined} */
    let last;
    await this.#attempt("Not moved", async () => {
      for (const { id } of entries) {
        last = await this.parts.api.move(id, folder);
        this.parts.search.replace(last, id);
      }
      return "";
    });
    return last;
  }

  #buttons() {
    const move = textButton("move", "Move to …", { "data-key": "move" });
    return element("div", { class: "file-actions" }, this.form, move, textButton("delete", "Delete", { "data-key": "delete" }));
  }

  /**
   * @param {HTMLElement} part Of a card, or of the details.
   * @param {(entry: Entry) => unknown} act
   */
  #withEntry(part, act) {
    const entry = this.parts.details.entry ?? this.parts.grid.entryOf(part);
    if (entry) act(entry);
  }

  /**
   * Do something, and say how it went where people look.
   *
   * @param {string} failure The beginning of the sentence where it fails.
   * @param {() => Promise<string>} work
   */
  async #attempt(failure, work) {
    const { toolbar, details } = this.parts;
    await toolbar.attempt(failure, work);
    details.status.textContent = toolbar.status.textContent;
  }

  /** @param {Entry} entry */
  #toggleFavourite({ id, name, favourite }) {
    this.#attempt("Not saved", async () => {
      await this.parts.api.choose(id, { favourite: !favourite });
      this.parts.search.refresh();
      return favourite ? `Removed ${name} from the favourites` : `Added ${name} to the favourites`;
    });
  }

  async #undo() {
    const { api, grid, search } = this.parts;
    const gone = this.#deleted.at(-1) ?? [];
    await this.#attempt("Not restored", async () => {
      let name = "";
      while (gone.length) {
        const entry = await api.restore(gone[0].id);
        gone.shift();
        name = entry.name;
        grid.focus(); // The button goes away, and the card comes with the next results.
        grid.reveal(entry.id);
      }
      return `Restored ${name}`;
    });
    this.#showUndo();
    search.refresh();
  }

  /** @param {Trashed} item */
  #forget({ id }) {
    for (const gone of this.#deleted) {
      const index = gone.findIndex((each) => each.id === id);
      if (index >= 0) gone.splice(index, 1);
    }
    this.#showUndo();
    this.parts.search.refresh();
  }

  #showUndo() {
    this.#deleted = this.#deleted.filter(({ length }) => length);
    const gone = this.#deleted.at(-1) ?? [];
    this.undoLine.hidden = !gone.length;
    this.#sentence.textContent = gone.length === 1 ? `Deleted ${gone[0].name}.` : `Deleted ${counted(gone.length, "embedding")}.`;
  }

  #openForm() {
    const { entry } = this.parts.details;
    const options = this.#folders.map(({ id, title, depth }) =>
      element("option", { value: id, disabled: id === entry?.folder }, `${"\u2003".repeat(depth)}${title}`),
    );
    this.#folder.replaceChildren(...options);
    this.#folder.value = this.#folders.find(({ id }) => id !== entry?.folder)?.id ?? "";
    this.form.hidden = false;
    this.#folder.focus();
  }

  #closeForm() {
    this.form.hidden = true;
    /** @type {HTMLElement | null | undefined} */ (this.form.parentElement?.querySelector("[data-action=move]"))?.focus();
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    const { details } = this.parts;
    const { entry } = details;
    const title = this.#folder.selectedOptions[0]?.textContent?.trim();
    const moved = entry && (await this.move([entry], this.#folder.value));
    if (!moved) return;
    this.#closeForm();
    details.open(moved);
    details.status.textContent = `Moved to ${title}.`;
  }
}
