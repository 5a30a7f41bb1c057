/**
 * Build elements. Data become text and attributes, never markup.
 */

/** @typedef {string | number | boolean | null | undefined} Attribute */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Attribute>} [attributes] As for `setAttribute`.
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...children);
  return made;
}

/**
 * Set an attribute; false, null and undefined remove it, true leaves it empty.
 *
 * @param {Element} target
 * @param {string} name
 * @param {Attribute} value
 */
export function setAttribute(target, name, value) {
  if (value === false || value === null || value === undefined) target.removeAttribute(name);
  else target.setAttribute(name, value === true ? "" : String(value));
}

/**
 * Build a button that shows an icon; `label` is what is spoken, and shown as its title.
 *
 * @param {string} icon A class of style.css.
 * @param {string} action What the tab does when it is clicked.
 * @param {string} label
 * @param {Record<string, Attribute>} [attributes]
 */
export function iconButton(icon, action, label, attributes = {}) {
  return element("button", {
    type: "button",
    class: `icon ${icon}`,
    "data-action": action,
    "aria-label": label,
    title: label,
    ...attributes,
  });
}

/**
 * Build a button with words on it.
 *
 * @param {string} action
 * @param {string} label
 * @param {Record<string, Attribute>} [attributes]
 */
export function textButton(action, label, attributes = {}) {
  return element("button", { type: "button", class: "plain", "data-action": action, ...attributes }, label);
}
