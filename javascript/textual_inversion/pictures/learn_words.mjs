/**
 * The words about learning.
 */

import { COUNTED, measured, number, phrase } from "../phrases.mjs";

export const LEARN = {
  title: phrase("Learn a word"),
  open: phrase("Learn a word from a few pictures"),
  drop: phrase("Drop three to five pictures of one thing or one style here, different in everything else."),
  choose: phrase("Choose pictures …"),
  example: phrase("Use the example"),
  exampleHint: phrase("Four pictures of an orange cross, which the small model learns in less than a minute"),
  pictures: phrase("Pictures to learn from"),
  captionHint: phrase("What else it shows"),
  /** @param {string} name */
  captionOf: (name) => phrase("What else {name} shows", { name }),
  /** @param {string} name */
  remove: (name) => phrase("Leave {name} out", { name }),
  name: phrase("New word"),
  nameHint: "my-cross",
  like: phrase("A similar word"),
  likeHint: phrase("circle, dog, painting"),
  kind: phrase("What it is"),
  kinds: { object: phrase("Object"), style: phrase("Style") },
  options: phrase("Options"),
  vectors: phrase("Vectors"),
  vectorsHint: phrase("More vectors hold more detail but use more of the prompt"),
  steps: phrase("Maximum steps"),
  stepsHint: phrase("Stops early when the loss stops improving"),
  batch: phrase("Pictures per step"),
  batchHint: phrase("Smaller batches need less memory"),
  seed: phrase("Seed"),
  seedHint: phrase("Another seed gives another word"),
  flip: phrase("Also mirrored"),
  flipHint: phrase("Not for faces or writing"),
  learn: phrase("Learn it"),
  begun: phrase("Unfinished words"),
  wasCutOff: phrase("was interrupted before it was learned"),
  goOn: phrase("Resume"),
  forget: phrase("Discard it"),
  progress: phrase("Progress"),
  samples: phrase("What it means so far"),
  /** @param {string} label "step 50", as the server calls it. */
  sample: (label) => phrase("Step {step}", { step: label.replace("step ", "") }),
  stop: phrase("Stop and keep the best"),
  pause: phrase("Pause"),
  cancel: phrase("Cancel"),
  showCard: phrase("Show its card"),
  again: phrase("Learn another word"),
  /** @param {string} name */
  learning: (name) => phrase("Learning {name}", { name }),
  /** @param {string} name */
  learned: (name) => phrase("{name} is now in your library.", { name }),
  /** @param {number} first @param {{step: number, loss: number}} best */
  curve: (first, best) =>
    phrase("Loss: {first} before, at best {best} after {steps}", {
      first: measured(first),
      best: measured(best.loss),
      steps: COUNTED.steps(best.step),
    }),
  /** @param {import("../jobs.mjs").Job} job */
  state: ({ state, reason, done, total }) => {
    if (state === "waiting") return phrase("Waiting for its turn …");
    if (state === "cancelled") return phrase("Cancelled. Nothing was kept.");
    if (state === "done") return phrase("Ended after {steps}; the best result is kept, not the last.", { steps: COUNTED.steps(done) });
    if (state === "failed") return reason ?? "";
    if (state === "asking") return phrase("Paused after {steps}", { steps: COUNTED.steps(done) });
    if (!total || !done) return phrase("Getting ready …");
    return phrase("Step {step} of at most {most}", { step: number(done), most: number(total) });
  },
};
