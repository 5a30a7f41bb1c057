/**
 * Ask for all that a lesson needs: pictures, captions, the name, and the recipe.
 */

import { element, iconButton, textButton } from "../dom.mjs";
import { sentenceCase } from "../phrases.mjs";
import { LEARN as WORDS } from "./learn_words.mjs";

/** @typedef {import("./lessons.mjs").Lesson} Lesson */
/** @typedef {import("./lessons.mjs").NumberKey} NumberKey */
/** @typedef {Omit<Lesson, "folder">} Wanted */

/** The lesson of the shipped pictures. */
const SHIPPED = { name: "my-cross", like: "circle", kind: "object" };

export class LessonForm {
  #target = element("div", { class: "lesson-drop" });
  #list = element("ul", { class: "seen", "aria-label": WORDS.pictures });
  #files = element("input", { type: "file", accept: "image/*,.txt", multiple: true, hidden: true });
  #example = textButton("", WORDS.example, { title: WORDS.exampleHint, hidden: true });
  #name = textInput(WORDS.nameHint);
  #like = textInput(WORDS.likeHint);
  #kinds = Object.entries(WORDS.kinds).map(([value, title], at) => {
    const input = element("input", { type: "radio", name: "lesson-kind", value, checked: !at });
    return element("label", { class: "choice" }, input, title);
  });
  /** @type {Record<NumberKey, HTMLInputElement>} */
  #numbers = {
    n_vectors: numberInput(WORDS.vectorsHint),
    most_steps: numberInput(WORDS.stepsHint),
    batch: numberInput(WORDS.batchHint),
    seed: numberInput(WORDS.seedHint),
  };
  #flip = element("input", { type: "checkbox" });
  #problem = element("p", { class: "problem", role: "alert", hidden: true });
  #submit = element("button", { type: "submit", class: "plain main-action" }, WORDS.learn);
  /** @type {string[]} */
  #shipped = [];

  /**
   * @param {import("./lessons.mjs").Lessons} lessons
   * @param {(wanted: Wanted) => Promise<unknown>} learn
   */
  constructor(lessons, learn) {
    this.lessons = lessons;
    this.learn = learn;
    const choose = textButton("", WORDS.choose);
    const buttons = element("div", { class: "buttons" }, choose, this.#example, this.#files);
    this.#target.append(element("p", {}, WORDS.drop), buttons);
    const options = element(
      "div",
      { class: "lesson-options" },
      labelled(WORDS.vectors, this.#numbers.n_vectors),
      labelled(WORDS.steps, this.#numbers.most_steps),
      labelled(WORDS.batch, this.#numbers.batch),
      labelled(WORDS.seed, this.#numbers.seed),
      element("label", { class: "choice", title: WORDS.flipHint }, this.#flip, WORDS.flip),
    );
    this.root = element(
      "form",
      { class: "lesson", novalidate: true },
      this.#target,
      this.#list,
      element(
        "div",
        { class: "lesson-words" },
        labelled(WORDS.name, this.#name),
        labelled(WORDS.like, this.#like),
        element("div", { class: "kinds", role: "radiogroup", "aria-label": WORDS.kind }, ...this.#kinds),
      ),
      element("details", {}, element("summary", {}, WORDS.options), options),
      this.#problem,
      element("div", { class: "buttons" }, this.#submit),
    );
    choose.addEventListener("click", () => this.#files.click());
    this.#files.addEventListener("change", () => this.#take(this.#files.files));
    this.#example.addEventListener("click", () => this.#takeExample());
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
  }

  /**
   * Take pictures that people drop onto a part of the page, or paste into it.
   *
   * @param {HTMLElement} part
   */
  watch(part) {
    const mark = (/** @type {boolean} */ isOver) => this.#target.classList.toggle("is-over", isOver);
    part.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files") || !this.root.checkVisibility()) return;
      event.preventDefault();
      mark(true);
    });
    part.addEventListener("dragleave", ({ relatedTarget }) => {
      if (!part.contains(/** @type {Node | null} */ (relatedTarget))) mark(false);
    });
    part.addEventListener("drop", (event) => {
      mark(false);
      if (!event.dataTransfer?.files.length || !this.root.checkVisibility()) return;
      event.preventDefault();
      this.#take(event.dataTransfer.files);
    });
    part.addEventListener("paste", ({ clipboardData }) => this.#take(clipboardData?.files));
  }

  /**
   * Offer the pictures that come with the project, and the numbers that are usual.
   *
   * @param {Pick<import("./lessons.mjs").LessonFacts, "shipped" | "numbers">} facts
   */
  offer({ shipped, numbers }) {
    for (const key of /** @type {NumberKey[]} */ (Object.keys(this.#numbers))) {
      const { usual, least, most } = numbers[key];
      Object.assign(this.#numbers[key], { defaultValue: usual, min: least, max: most });
    }
    this.#shipped = shipped;
    this.#example.hidden = !shipped.length;
  }

  /** Forget the last lesson. */
  clear() {
    this.#list.replaceChildren();
    this.root.reset();
    this.#warn("");
  }

  #takeExample() {
    this.clear();
    this.#shipped.forEach((id, at) => this.#show(id, String(at + 1), ""));
    this.#name.value = SHIPPED.name;
    this.#like.value = SHIPPED.like;
    this.#submit.focus();
  }

  /**
   * Take pictures, with captions from text files of the same name.
   *
   * @param {FileList | null | undefined} files
   */
  async #take(files) {
    const [texts, pictures] = [[], []].map((_, at) => Array.from(files ?? []).filter(isText(!at)));
    this.#files.value = "";
    this.#warn("");
    /** @type {Map<string, string>} */
    const captions = new Map();
    for (const text of texts) captions.set(stem(text), await text.text());
    for (const picture of pictures) {
      try {
        const { id } = await this.lessons.addPicture(picture);
        this.#show(id, picture.name, captions.get(stem(picture)) ?? "");
      } catch (error) {
        this.#warn(/** @type {Error} */ (error).message);
      }
    }
  }

  /**
   * @param {string} id
   * @param {string} name
   * @param {string} caption
   */
  #show(id, name, caption) {
    if (this.#list.querySelector(`[data-id="${id}"]`)) return;
    const picture = element("img", { src: this.lessons.seen(id), alt: name });
    const text = textInput(WORDS.captionHint, { "aria-label": WORDS.captionOf(name) });
    text.value = caption.trim().replace(/\s+/g, " ");
    const remove = iconButton("close", "", WORDS.remove(name));
    const item = element("li", { "data-id": id }, picture, remove, text);
    remove.addEventListener("click", () => item.remove());
    this.#list.append(item);
  }

  async #begin() {
    this.#submit.disabled = true;
    this.#warn("");
    await this.learn(this.#wanted()).catch(({ message }) => this.#warn(message));
    this.#submit.disabled = false;
  }

  /** @returns {Wanted} */
  #wanted() {
    const items = /** @type {HTMLElement[]} */ (Array.from(this.#list.children));
    return {
      name: this.#name.value.trim(),
      like: this.#like.value.trim(),
      kind: this.root.querySelector("input:checked")?.getAttribute("value") ?? SHIPPED.kind,
      pictures: items.map((item) => ({ id: item.dataset.id ?? "", caption: item.querySelector("input")?.value ?? "" })),
      n_vectors: numberIn(this.#numbers.n_vectors),
      most_steps: numberIn(this.#numbers.most_steps),
      batch: numberIn(this.#numbers.batch),
      seed: numberIn(this.#numbers.seed),
      is_flipped: this.#flip.checked,
    };
  }

  /** @param {string} problem */
  #warn(problem) {
    this.#problem.textContent = sentenceCase(problem);
    this.#problem.hidden = !problem;
  }
}

/** @param {boolean} wanted */
function isText(wanted) {
  return (/** @type {File} */ { name }) => /\.txt$/i.test(name) === wanted;
}

/** @param {File} file */
function stem({ name }) {
  return name.replace(/\.[^.]*$/, "");
}

/**
 * @param {string} placeholder
 * @param {Record<string, string>} [attributes]
 */
function textInput(placeholder, attributes = {}) {
  return element("input", { type: "text", placeholder, autocomplete: "off", spellcheck: "false", dir: "auto", ...attributes });
}

/** @param {string} title */
function numberInput(title) {
  return element("input", { type: "number", title });
}

/** @param {HTMLInputElement} input An empty one has its first value. */
function numberIn(input) {
  return Number(input.value || input.defaultValue);
}

/**
 * @param {string} title
 * @param {HTMLInputElement} input
 */
function labelled(title, input) {
  return element("label", { class: "field" }, element("span", {}, title), input);
}
