/**
 * Know whether a part of the page can be seen: a host hides all tabs but one.
 */

/**
 * @param {Element} part
 * @param {(isSeen: boolean) => void} changed
 * @param {AbortSignal} closing
 */
export function watchSight(part, changed, closing) {
  const observer = new IntersectionObserver((records) => changed(records[records.length - 1].isIntersecting));
  observer.observe(part);
  closing.addEventListener("abort", () => observer.disconnect());
}
