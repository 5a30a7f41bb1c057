/**
 * Get more embeddings: by a link, a hash or a name, or by a search on sites.
 */

import { dialog, element, folderOptions, showOver, textButton } from "../dom.mjs";
import { Jobs } from "../jobs.mjs";
import { listen } from "../live.mjs";
import { sentenceCase } from "../phrases.mjs";
import { keep, recall } from "../storage.mjs";
import { JobList } from "./job_list.mjs";
import { Results } from "./results.mjs";
import { WORDS } from "./site_words.mjs";
import { Sites } from "./sites.mjs";
import { openTabs } from "../webui.mjs";

/** @typedef {import("../answers.mjs").Entry} Entry */
/** @typedef {import("../answers.mjs").Folder} Folder */
/** @typedef {import("./sites.mjs").Job} Job */

/** The key in the browser's storage for "somebody knows what is sent". */
const KNOWS = "lib-embeddings-knows-what-is-sent";

/** The kinds of jobs that are shown here. */
const OF_SITES = ["add", "identify"];

/**
 * @typedef {object} Owner
 * @property {HTMLElement} home The tab.
 * @property {() => string} folder Returns the id of the folder that is shown; empty for all.
 * @property {() => Folder[]} folders Returns the folders that can receive files.
 * @property {(id: string, name: string) => void} shown Called when somebody wants to see a card.
 */

export class GetMore {
  #reference = element("textarea", { rows: 1, "aria-label": WORDS.reference, placeholder: WORDS.referenceHint, spellcheck: "false" });
  #folder = element("select", { "aria-label": WORDS.folder });
  #problem = element("p", { class: "problem", role: "alert", hidden: true });
  #sentence = element("p");
  #send = textButton("", WORDS.send, { class: "plain main-action" });
  #question = element("div", { class: "question", role: "group", "aria-label": WORDS.identify, hidden: true });
  /** @type {Entry | undefined} The one that somebody asks about; empty for all unknown ones. */
  #asked;
  #stopListening = () => {};
  /** @type {Map<string, string>} What to search for if a job finds nothing. */
  #others = new Map();
  /** @type {{id: string, name: string} | undefined} The last arrival while this was open. */
  #came;
  /** @type {Set<string>} Jobs that somebody began here. */
  #begun = new Set();

  /**
   * @param {string} base
   * @param {import("../answers.mjs").Host} host
   * @param {Owner} owner
   */
  constructor(base, host, owner) {
    this.sites = new Sites(base);
    this.owner = owner;
    this.jobs = new JobList(new Jobs(base), {
      changed: (job) => this.#changed(job),
      shown: (id, name) => {
        this.#came = { id, name };
        this.root.close();
      },
    });
    this.results = new Results(this.sites, host, (reference, byToken) => this.add(reference, byToken));
    const submit = element("button", { type: "submit", class: "plain" }, WORDS.get);
    const form = element("form", { class: "reference" }, this.#reference, this.#folder, submit);
    const all = textButton("", WORDS.identifyAll);
    const foot = element("div", { class: "foot" }, element("p", { class: "summary" }, WORDS.identifyHint), all);
    const keep = textButton("", WORDS.keep);
    this.#question.append(this.#sentence, this.#send, keep);
    this.root = dialog(WORDS.title, "get-more", form, this.#problem, this.#question, this.jobs.root, this.results.root, foot);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#reference.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    all.addEventListener("click", () => this.identify());
    keep.addEventListener("click", () => (this.#question.hidden = true));
    this.#send.addEventListener("click", () => this.#identify());
    this.root.addEventListener("close", () => this.#close());
    this.root.addEventListener("click", ({ target }) => target === this.root && this.root.close());
    this.base = base;
  }

  /** Offer the present folders, which may change while the dialog is open. */
  offerFolders() {
    const folders = this.owner.folders();
    const chosen = this.owner.folder() || this.#folder.value;
    this.#folder.replaceChildren(...folderOptions(folders));
    this.#folder.value = folders.some(({ id }) => id === chosen) ? chosen : (folders[0]?.id ?? "");
    this.#folder.hidden = folders.length < 2;
  }

  open() {
    if (this.root.open) return;
    this.offerFolders();
    this.#problem.hidden = this.#question.hidden = true;
    this.#came = undefined;
    showOver(this.root, this.owner.home);
    this.#reference.focus();
    this.#stopListening = listen(`${this.base}/events`, {
      changed: () => {},
      connection: () => {},
      job: (job) => OF_SITES.includes(job.kind) && this.jobs.show(job),
    });
  }

  /**
   * Get the embedding that a reference means.
   *
   * @param {string} reference
   * @param {boolean} [byToken] Whether a concept is called by its token.
   * @returns {Promise<Job | undefined>} Undefined if it could not begin.
   */
  async add(reference, byToken) {
    return this.#begin(() => this.sites.add(reference, this.#folder.value, byToken));
  }

  /**
   * Find an embedding that a prompt names: by its hash first, then by its name.
   *
   * @param {string} name
   * @param {string | null} [hash]
   */
  async find(name, hash) {
    openTabs(this.root);
    this.open();
    const job = hash ? await this.add(hash) : undefined;
    if (job && job.state !== "failed") this.#others.set(job.id, name);
    else this.results.find(name);
  }

  /**
   * Ask Civitai about a file, or about all unknown files; first say what is sent.
   *
   * @param {Entry} [entry]
   */
  identify(entry) {
    this.open();
    this.#asked = entry;
    if (recall(KNOWS) !== null) {
      this.#identify();
      return;
    }
    this.#sentence.textContent = WORDS.whatIsSent(entry?.name);
    this.#question.hidden = false;
    this.#send.focus();
  }

  #identify() {
    this.#question.hidden = true;
    keep(KNOWS, "true");
    const ids = this.#asked && [this.#asked.id];
    this.#begin(() => this.sites.identify(ids));
  }

  async #submit() {
    const references = this.#reference.value.split("\n").map((line) => line.trim()).filter(Boolean);
    for (const reference of references) if (!(await this.add(reference))) return;
    this.#reference.value = "";
  }

  /** @param {() => Promise<Job>} begin */
  async #begin(begin) {
    try {
      const job = await begin();
      this.#begun.add(job.id);
      this.#problem.hidden = true;
      return this.jobs.show(job);
    } catch (error) {
      this.#problem.textContent = sentenceCase(/** @type {Error} */ (error).message);
      this.#problem.hidden = false;
      return undefined;
    }
  }

  /** @param {Job} job */
  #changed(job) {
    this.results.update(job);
    const other = this.#others.get(job.id);
    if (other && job.state === "failed") {
      this.#others.delete(job.id);
      this.results.find(other);
    }
    const { id, name } = job.result ?? {};
    if (id && name && this.#begun.has(job.id)) this.#came = { id, name };
  }

  #close() {
    this.#stopListening();
    if (this.#came) this.owner.shown(this.#came.id, this.#came.name);
    this.#begun.clear();
  }
}
