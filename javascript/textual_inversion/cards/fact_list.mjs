/**
 * Build lists of facts: each with its label, and what can be done with it.
 */

import { element, iconButton } from "../dom.mjs";
import { phrase } from "../phrases.mjs";
import { CLAIMS, sameness } from "../words.mjs";

/** @typedef {import("../answers.mjs").Twin} Twin */
/**
 * @typedef {{label: string, value: string, copies?: boolean, reveals?: boolean, href?: string, twins?: Twin[], about?: string, texts?: string[]}} Fact
 *   One with an address leads there; twins can be opened; of what is about something, what else has it can be found.
 */

/**
 * @param {string} title
 * @param {Fact[]} facts
 */
export function titled(title, facts) {
  return element("section", { class: "claims", hidden: !facts.length }, element("h3", {}, title), factList(facts));
}

/**
 * @param {string} title
 * @param {Fact[]} facts
 */
export function folded(title, facts) {
  return element("details", { hidden: !facts.length }, element("summary", {}, title), factList(facts));
}

/** @param {Fact[]} facts */
export function factList(facts) {
  const rows = facts.map(({ label, value, copies, reveals, href, twins, about, texts = [value] }) =>
    element(
      "div",
      { class: "fact" },
      element("dt", {}, label),
      element(
        "dd",
        { dir: "auto", class: copies && "copyable" },
        ...(twins?.map(twinButton) ?? (about ? texts.map((text) => findButton(about, text)) : [href ? linkTo(href, value) : value])),
        ...(copies ? [copyButton(label, value)] : []),
        ...(reveals ? [iconButton("folders-toggle", "reveal", phrase("Show it in its folder"), { "data-key": "reveal" })] : []),
      ),
    ),
  );
  return element("dl", {}, ...rows);
}

/**
 * Build the button that finds what else has a text.
 *
 * @param {string} about As a search has it.
 * @param {string} text
 */
function findButton(about, text) {
  const query = `${about}:"${text.replaceAll('"', " ")}"`;
  const attributes = { type: "button", class: "link", title: CLAIMS.find(text), "data-action": "find", "data-query": query };
  return element("button", { ...attributes, "data-key": query }, text);
}

/**
 * @param {string} href
 * @param {string} text
 */
function linkTo(href, text) {
  return element("a", { href, target: "_blank", rel: "noopener noreferrer" }, text);
}

/**
 * @param {string} what
 * @param {string} text
 */
export function copyButton(what, text) {
  return iconButton("copy", "copy", phrase("Copy {what}", { what }), { "data-text": text, "data-key": `copy-${what}` });
}

/**
 * Build the button that shows another file of the same name, where it can be moved, renamed or deleted.
 *
 * @param {Twin} twin
 */
function twinButton(twin) {
  const attributes = { type: "button", class: "link", "data-action": "twin", "data-id": twin.id, "data-key": twin.id };
  return element("button", attributes, twinText(twin));
}

/** @param {Twin} twin */
export function twinText(twin) {
  return `${twin.path} (${sameness([twin]) || phrase("not compared")})`;
}
