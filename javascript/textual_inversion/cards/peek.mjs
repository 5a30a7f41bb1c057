/**
 * Pictures of cards: shown large while somebody rests on one, videos played, and gone where they cannot be shown.
 */

import { element } from "../dom.mjs";

/** How long a pointer rests on a picture, or a finger presses it. */
const REST_MS = 600;
/** How far a finger may move meanwhile, in CSS pixels. */
const MOST_MOVED = 8;

/**
 * Let pictures be seen large, and remove those that cannot be shown: a placeholder is behind them.
 *
 * @param {HTMLElement} root
 * @param {HTMLElement} list Of the cards in it.
 * @param {AbortSignal} signal
 */
export function watchPictures(root, list, signal) {
  const drop = (/** @type {Event} */ { target }) => target instanceof Element && target.matches("img, video") && target.remove();
  root.addEventListener("error", drop, { signal, capture: true });
  peekAtPictures(list, signal);
  playVideos(root, signal);
}

/**
 * Play the video of a card, or of the details, while a pointer is on it.
 *
 * @param {HTMLElement} root
 * @param {AbortSignal} signal
 */
function playVideos(root, signal) {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)");
  /** @type {HTMLVideoElement | undefined} */
  let video;
  /** @param {Element | null | undefined} picture */
  const play = (picture) => {
    if (video && video.parentElement === picture) return;
    video?.remove();
    video = undefined;
    if (!(picture instanceof HTMLElement) || isCalm.matches) return;
    video = element("video", { src: picture.dataset.video, muted: true, loop: true, playsinline: true });
    video.muted = true; // The attribute says only how a video begins that a page was written with.
    picture.append(video);
    video.play().catch(() => {}); // It is gone already, or is none.
  };
  const over = (/** @type {PointerEvent} */ { target, pointerType }) => {
    const part = /** @type {Element} */ (target).closest(".card, .picture[data-video]");
    if (pointerType === "mouse") play(part?.matches(".card") ? part.querySelector("[data-video]") : part);
  };
  root.addEventListener("pointerover", over, { signal });
  root.addEventListener("pointerleave", () => play(null), { signal });
}

/**
 * Show the picture of a card as large as there is room, under a resting pointer or a long press.
 *
 * @param {HTMLElement} list Of the cards.
 * @param {AbortSignal} signal
 */
function peekAtPictures(list, signal) {
  const image = element("img", { alt: "" });
  const large = element("div", { class: "peek", popover: "manual", "aria-hidden": "true" }, image);
  list.after(large);
  /** @type {number | undefined} */
  let timer;
  let [isShown, isLong, x, y] = [false, false, 0, 0];
  const hide = () => {
    clearTimeout(timer);
    if (isShown) large.hidePopover();
    isShown = false;
  };
  /** @param {PointerEvent} event */
  const rest = (event) => {
    hide();
    isLong = false;
    [x, y] = [event.clientX, event.clientY];
    const target = /** @type {Element} */ (event.target);
    const small = target.closest("[data-veils] [data-veiled] .main") ? null : target.closest(".main")?.querySelector("img");
    if (!small || (event.pointerType === "mouse" && !target.closest(".picture"))) return;
    timer = setTimeout(() => {
      image.src = largeAddress(small.src);
      large.showPopover();
      isShown = true;
      isLong = event.pointerType !== "mouse";
      place(large, small.getBoundingClientRect());
    }, REST_MS);
  };
  /** @param {PointerEvent} event */
  const move = ({ pointerType, clientX, clientY }) => {
    if (pointerType !== "mouse" && Math.hypot(clientX - x, clientY - y) > MOST_MOVED) hide();
  };
  /** @param {PointerEvent} event */
  const over = (event) => event.pointerType === "mouse" && rest(event);
  /** @param {PointerEvent} event */
  const down = (event) => (event.pointerType === "mouse" ? hide() : rest(event));
  /** @param {Event} event A long press is no click, and opens no menu. */
  const refuse = (event) => {
    if (!isLong) return;
    event.preventDefault();
    event.stopPropagation();
  };
  list.addEventListener("pointerover", over, { signal });
  list.addEventListener("pointerdown", down, { signal });
  list.addEventListener("pointermove", move, { signal });
  list.addEventListener("click", refuse, { signal, capture: true });
  list.addEventListener("contextmenu", (event) => isLong && event.preventDefault(), { signal });
  for (const type of ["pointerleave", "pointerup", "pointercancel", "wheel"])
    list.addEventListener(type, hide, { signal, passive: true });
  document.addEventListener("scroll", hide, { signal, capture: true, passive: true });
  document.addEventListener("keydown", hide, { signal, capture: true });
}

/** @param {string} address Of a small picture. */
function largeAddress(address) {
  const url = new URL(address);
  url.searchParams.delete("width");
  return url.href;
}

/**
 * Put what is shown beside a picture, on the side that has more room.
 *
 * @param {HTMLElement} large
 * @param {DOMRect} small
 */
function place(large, small) {
  const isRight = small.left + small.right < innerWidth;
  large.style.inset = isRight ? `0 auto 0 ${small.right + 8}px` : `0 ${innerWidth - small.left + 8}px 0 auto`;
}
