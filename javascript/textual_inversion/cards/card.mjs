/**
 * Build the card of an entry, and show on it which prompts hold its name.
 *
 * Other extensions look for `.card`, `data-name`, `.button-row`, `.actions .name` and
 * `.actions .additional .search_terms`, as on the WebUI's own cards.
 */

import { badgeOf, element, setAttribute, setChildren } from "../dom.mjs";
import { COUNTED, day, number, phrase, sentenceCase, size } from "../phrases.mjs";
import { FIELD_TITLES, FIELDS, folderOf, hue, initials, isEmbedding, obstacle, SHORT_TITLES, twinsText } from "../words.mjs";
import { buttonRow, hasButtons } from "./buttons.mjs";
import { placeOf as placeIn } from "./layout.mjs";
import { breakable, IN_PATHS } from "./text.mjs";

/** @typedef {import("../answers.mjs").Entry} Entry */
/** @typedef {import("../answers.mjs").Field} Field */
/** @typedef {import("../answers.mjs").Host} Host */
/** @typedef {import("../prompt/insertion.mjs").Places} Places */
/** @typedef {import("./layout.mjs").Layout} Layout */
/** @typedef {{element: HTMLLIElement, entry: Entry | undefined}} Card */

/**
 * @typedef {object} Surroundings
 * @property {Host} host
 * @property {boolean} [isList] Whether cards are the rows of a list.
 * @property {boolean} hasEditor Whether the page has an editor for what lies beside a file.
 * @property {(entry: Entry, width: number) => string | null} picture Returns the address of a preview.
 * @property {(entry: Entry) => string | null} video Returns the address of a video.
 * @property {(card: HTMLLIElement, entry: Entry) => void} decorate Called for every new card; writes the name on it.
 */

/**
 * Return the card of an entry: the old one, unless something has changed.
 *
 * @param {Card | undefined} old
 * @param {Entry} entry
 * @param {number} width Of its picture, in pixels of the screen.
 * @param {Surroundings} surroundings
 * @returns {Card}
 */
export function renewCard(old, entry, width, surroundings) {
  if (old && (old.entry === entry || JSON.stringify(old.entry) === JSON.stringify(entry)))
    return { element: old.element, entry };
  const isMet = old !== undefined && hasButtons(old.element);
  const card = createCard(entry, surroundings.picture(entry, width), isMet, surroundings);
  surroundings.decorate(card, entry);
  return { element: card, entry };
}

/**
 * @param {Entry} entry
 * @param {string | null} preview The address of its preview.
 * @param {boolean} isMet Whether somebody is at the card that was in its place.
 * @param {Surroundings} surroundings
 * @returns {HTMLLIElement}
 */
function createCard(entry, preview, isMet, { host, video, hasEditor, isList = false }) {
  const why = obstacle(entry);
  const main = element(
    "button",
    {
      type: "button",
      class: "main actions",
      "data-action": isEmbedding(entry) ? "insert" : "details",
      "aria-description": entry.warnings.map(sentenceCase).join(". ") || null,
      tabindex: -1,
    },
    pictureOf(entry.name, preview, video(entry)),
    element("span", { class: "name", dir: "auto", title: entry.name }),
    ...(entry.twins.length && !isList ? [placeOf(entry)] : []),
    isList ? columnsOf(entry, host) : factsOf(entry, host),
    ...(why ? [reasonOf(why, entry.reason)] : []),
    element("span", { class: "additional", hidden: true }, element("span", { class: "search_terms" }, entry.path)),
  );
  return element(
    "li",
    {
      class: "card",
      "data-id": entry.id,
      "data-name": entry.name,
      "data-kind": why ? (entry.fit ?? entry.state) : null,
      "data-veiled": entry.claims?.general === false,
    },
    main,
    buttonRow(entry, hasEditor, isMet),
  );
}

/** Build the placeholder of a card whose entry is not here yet. */
export function createGap() {
  return element("li", { class: "card gap", "aria-hidden": "true" });
}

/**
 * Put cards in their places in the grid, and nothing else.
 *
 * @param {HTMLElement} list
 * @param {Map<number, Card>} cards By their places.
 * @param {Layout} layout
 * @param {number} total
 * @param {number} active The place of the one that Tab reaches.
 */
export function arrange(list, cards, layout, total, active) {
  const inOrder = Array.from(cards).sort(([a], [b]) => a - b);
  for (const [index, { element: card, entry }] of inOrder) {
    placeCard(card, layout, index, total);
    if (entry) setReachable(card, index === active);
  }
  setChildren(
    list,
    inOrder.map(([, { element: card }]) => card),
  );
}

/**
 * @param {HTMLLIElement} card
 * @param {Layout} layout
 * @param {number} index
 * @param {number} total
 */
function placeCard(card, layout, index, total) {
  const { left, top } = placeIn(layout, index);
  card.style.width = `${layout.cardWidth}px`;
  card.style.height = `${layout.cardHeight}px`;
  card.style.transform = `translate(calc(${left}px * var(--way)), ${top}px)`;
  card.setAttribute("aria-posinset", String(index + 1));
  card.setAttribute("aria-setsize", String(total));
}

/**
 * Show which prompts hold the name, and if none does, where a click would put it.
 *
 * Of files with one name only one is used, and none that the model cannot use.
 *
 * @param {HTMLLIElement} card
 * @param {Places} places
 * @param {Field} target Where a click would put the name.
 */
export function showPlaces(card, places, target) {
  const held = FIELDS.filter((field) => places[field]);
  const where = held.length > 1 ? phrase("Both prompts") : held.map((field) => FIELD_TITLES[field])[0];
  const shown = held.length > 1 ? where : SHORT_TITLES[held[0] ?? target];
  const isUnused = "kind" in card.dataset;
  const main = card.querySelector("[data-action=insert]");
  setAttribute(card, "data-in", isUnused ? null : where);
  setAttribute(card, "data-target", where || !main ? null : target);
  const isShown = where || (main && (target !== "positive" || hasButtons(card)));
  showPill(card, isShown ? (where && isUnused ? phrase("Not used") : shown) : undefined);
  if (!main) return;
  main.setAttribute("aria-pressed", String(places[target]));
  for (const field of FIELDS) {
    const button = card.querySelector(`[data-action=${field}]`);
    button?.setAttribute("aria-pressed", String(places[field]));
  }
}

/**
 * Show a few words on the picture of a card, or none: most cards go without.
 *
 * @param {HTMLLIElement} card
 * @param {string | undefined} words
 */
function showPill(card, words) {
  const old = card.querySelector(".pill");
  if (!words) return old?.remove();
  const pill = old ?? element("span", { class: "pill" });
  pill.textContent = words;
  if (!old) card.querySelector(".additional")?.before(pill);
}

/**
 * Let a card be seen, and seen among others until the focus leaves it.
 *
 * @param {HTMLLIElement} card
 */
export function standOut(card) {
  card.classList.add("revealed");
  card.addEventListener("focusout", () => card.classList.remove("revealed"), { once: true });
  card.scrollIntoView({ block: "nearest" });
}

/**
 * Let Tab reach one card only; keys do what its small buttons do.
 *
 * @param {HTMLLIElement} card
 * @param {boolean} isActive
 */
export function setReachable(card, isActive) {
  const main = card.querySelector("button");
  if (main) main.tabIndex = isActive ? 0 : -1;
}

/**
 * Build an entry's picture, with the initials of its name behind it.
 *
 * @param {string} name
 * @param {string | null} address None where there is no preview.
 * @param {string | null} video The address of what is played in its place under a pointer, if there is any.
 */
export function pictureOf(name, address, video) {
  const attributes = { class: "picture", "data-initials": initials(name), "data-video": video, "aria-hidden": "true" };
  const picture = element("span", attributes);
  picture.style.setProperty("--hue", String(hue(name)));
  if (address)
    picture.append(element("img", { src: address, alt: "", loading: "lazy", decoding: "async", draggable: "false" }));
  return picture;
}

/**
 * @param {Entry} entry
 * @param {Host} host
 */
function factsOf({ families, n_vectors, bytes, warnings }, host) {
  const amount = n_vectors ? COUNTED.vectors(n_vectors) : size(bytes);
  return element(
    "span",
    { class: "facts" },
    ...badgeOf(host, families),
    element("span", { class: "amount" }, amount),
    ...(warnings.length ? [cautionOf(warnings)] : []),
  );
}

/**
 * Build the line by which people know files of one name from each other.
 *
 * @param {Entry} entry
 */
function placeOf({ path, twins }) {
  const title = phrase("Other files with this name: {paths}", { paths: twins.map((twin) => twin.path).join(", ") });
  const text = twinsText(twins);
  if (twins.some(({ is_grouped }) => is_grouped)) return element("span", { class: "place", title }, text);
  const folder = element("span", { class: "folder", dir: "auto" }, folderOf(path));
  return element("span", { class: "place", title }, folder, text && ` · ${text}`);
}

/**
 * Build the columns of a row behind its name; `columnTitles` has theirs.
 *
 * @param {Entry} entry
 * @param {Host} host
 */
function columnsOf({ families, n_vectors, bytes, mtime, path, twins, trigger_words, warnings }, host) {
  const folder = [folderOf(path), twinsText(twins)].filter(Boolean).join(" · ");
  return element(
    "span",
    { class: "facts" },
    element("span", {}, ...badgeOf(host, families), ...(warnings.length ? [cautionOf(warnings)] : [])),
    element("span", { class: "amount" }, n_vectors ? number(n_vectors) : ""),
    element("span", { class: "amount" }, size(bytes)),
    element("span", { class: "amount" }, day(mtime)),
    element("span", { class: "folder", dir: "auto", title: path }, folder),
    element("span", { class: "triggers", dir: "auto", title: trigger_words }, trigger_words),
  );
}

/** @param {string[]} warnings */
function cautionOf(warnings) {
  return element("span", { class: "caution", title: warnings.map(sentenceCase).join("\n") }, "!");
}

/**
 * @param {string} why
 * @param {string | null} reason
 */
function reasonOf(why, reason) {
  const sentence = element("span", {}, ...breakable(sentenceCase(reason ?? ""), IN_PATHS));
  return element("span", { class: "reason", title: reason }, element("b", {}, why), sentence);
}
