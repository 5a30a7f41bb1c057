/**
 * What people read where a word is learned.
 */

import { counted, number } from "../words.mjs";

export const LEARN = {
  title: "Learn a word",
  open: "Learn a word from a few pictures",
  drop: "Drop three to five pictures of one thing or one style here, different in all else.",
  choose: "Choose pictures …",
  example: "Take the example",
  exampleHint: "Four pictures of an orange cross, which the small model learns in less than a minute",
  pictures: "Pictures to learn from",
  captionHint: "What else is in it",
  /** @param {string} name */
  captionOf: (name) => `What else is in ${name}`,
  /** @param {string} name */
  remove: (name) => `Leave ${name} out`,
  name: "New word",
  nameHint: "my-cross",
  like: "A word that it is like",
  likeHint: "circle, dog, painting",
  kind: "What it is",
  kinds: { object: "Object", style: "Style" },
  options: "Options",
  vectors: "Vectors",
  vectorsHint: "More hold more, and take more room in the prompt",
  steps: "Steps at most",
  stepsHint: "It ends earlier where nothing more is learned",
  batch: "Pictures a step",
  batchHint: "Less takes less memory",
  seed: "Seed",
  seedHint: "Another seed, another word",
  flip: "Also as in a mirror",
  flipHint: "Not for faces, nor for writing",
  learn: "Learn it",
  begun: "Words that are not learned to the end",
  wasCutOff: "was cut off before it was learned",
  goOn: "Go on",
  forget: "Forget it",
  progress: "Progress",
  samples: "What it means so far",
  stop: "Stop and keep the best",
  cancel: "Cancel",
  showCard: "Show its card",
  again: "Learn another word",
  /** @param {string} name */
  learning: (name) => `Learning ${name}`,
  /** @param {string} name */
  learned: (name) => `${name} is in your library now.`,
  /** @param {number} first @param {{step: number, loss: number}} best */
  curve: (first, best) => `Loss: ${shownLoss(first)} before, at best ${shownLoss(best.loss)} after ${counted(best.step, "step")}`,
  /** @param {import("../jobs.mjs").Job} job */
  state: ({ state, reason, done, total }) => {
    if (state === "waiting") return "Waiting for its turn …";
    if (state === "cancelled") return "Cancelled. Nothing was kept.";
    if (state === "done") return `Ended after ${counted(done, "step")}; the best is kept, not the last.`;
    if (state !== "working") return reason ?? "";
    return total && done ? `Step ${number(done)} of at most ${number(total)}` : "Getting ready …";
  },
};

/** @param {number} loss */
function shownLoss(loss) {
  return loss.toPrecision(3);
}
