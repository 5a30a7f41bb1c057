/**
 * Know where in a text box a character is: browsers tell it of elements only, so the text is
 * laid out once more in one that looks like the box.
 */

/** @typedef {{left: number, top: number, height: number}} Place In pixels, from the box's upper left corner. */

const COPIED = [
  "direction",
  "font",
  "letter-spacing",
  "line-height",
  "padding",
  "tab-size",
  "text-align",
  "text-indent",
  "text-transform",
  "word-break",
  "word-spacing",
];

/**
 * Return where a character is in a box that is not scrolled.
 *
 * @param {HTMLTextAreaElement} box
 * @param {number} offset
 * @returns {Place}
 */
export function placeOf(box, offset) {
  const marker = document.createElement("span");
  marker.textContent = box.value.slice(offset, offset + 1).trim() || ".";
  const twin = twinOf(box);
  twin.append(box.value.slice(0, offset), marker);
  document.body.append(twin);
  const [{ left, top, height }, origin] = [marker.getBoundingClientRect(), twin.getBoundingClientRect()];
  twin.remove();
  return { left: left - origin.left + box.clientLeft, top: top - origin.top + box.clientTop, height };
}

/** @param {HTMLTextAreaElement} box */
function twinOf(box) {
  const twin = document.createElement("div");
  const style = getComputedStyle(box);
  for (const name of COPIED) twin.style.setProperty(name, style.getPropertyValue(name));
  Object.assign(twin.style, {
    boxSizing: "border-box",
    width: `${box.clientWidth}px`,
    position: "fixed",
    inset: "0 auto auto 0",
    visibility: "hidden",
    overflowWrap: "break-word",
    whiteSpace: "pre-wrap",
  });
  return twin;
}
