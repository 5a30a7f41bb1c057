import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { History, removeName, toggleName } from "../../../javascript/textual_inversion/prompt/edits.mjs";
import { insertName } from "../../../javascript/textual_inversion/prompt/gaps.mjs";
import { escapeName, findName } from "../../../javascript/textual_inversion/prompt/pieces.mjs";
import { NASTY_NAMES } from "./nasty_names.mjs";
import { randomPrompt, seeded } from "./random_prompts.mjs";

describe("in a random prompt", () => {
  const SAMPLES = 3000;
  const words = NASTY_NAMES.map(escapeName);

  /**
   * @typedef {{separator: string, names: string[]}} Options
   * @param {(prompt: string, selection: Range, name: string, options: Options) => void} check
   */
  function forSamples(check) {
    const random = seeded(20240727);
    for (let count = 0; count < SAMPLES; count += 1) {
      const prompt = randomPrompt(random, words);
      const caret = random.below(prompt.length + 1);
      const end = random.below(4) ? caret : caret + random.below(prompt.length + 1 - caret);
      const selection = { start: caret, end };
      const name = random.pick(NASTY_NAMES);
      const separator = random.pick([", ", " ", ","]);
      try {
        check(prompt, selection, name, { separator, names: NASTY_NAMES });
      } catch (cause) {
        const sample = JSON.stringify({ prompt, selection, name, separator });
        throw new Error(`${cause} for ${sample}`, { cause });
      }
    }
  }

  /** @param {string} prompt */
  const allNames = (prompt) =>
    NASTY_NAMES.flatMap((name) => findName(prompt, name, { names: NASTY_NAMES }).map(() => name));

  test("a second click undoes the first one that wrote the name", () => {
    forSamples((prompt, selection, name, options) => {
      const insertions = new History();
      const toggle = (text, at) => insertions.toggle(text, at, name, () => toggleName(text, at, name, options));
      const first = toggle(prompt, selection);
      if (first.removed) return;
      const { text, removed, selection: after } = toggle(first.text, first.selection);
      assert.deepEqual({ text, removed, after }, { text: prompt, removed: true, after: selection });
    });
  });

  test("inserting adds exactly one occurrence, the one that it reports", () => {
    forSamples((prompt, { start: caret }, name, options) => {
      const { text, start, end } = insertName(prompt, { start: caret, end: caret }, name, options);
      const found = findName(text, name, options);
      assert.equal(found.length, findName(prompt, name, options).length + 1);
      assert.ok(found.some((range) => range.start === start && range.end === end));
    });
  });

  test("inserting leaves the text on both sides untouched", () => {
    forSamples((prompt, { end }, name, options) => {
      const { text } = insertName(prompt, { start: end, end }, name, options);
      let [head, tail] = [0, 0];
      while (head < prompt.length && prompt[head] === text[head]) head += 1;
      while (tail < prompt.length && prompt.at(-1 - tail) === text.at(-1 - tail)) tail += 1;
      assert.ok(head + tail >= prompt.length);
    });
  });

  test("removing an occurrence leaves every other name", () => {
    forSamples((prompt, _selection, name, options) => {
      const [range] = findName(prompt, name, options);
      if (!range) return;
      const after = allNames(removeName(prompt, range, options).text);
      assert.deepEqual([...after, name].sort(), allNames(prompt).sort());
    });
  });

  test("the edit makes the new prompt of the old one, and the caret stays in range", () => {
    forSamples((prompt, selection, name, options) => {
      const { text, selection: after, edit } = toggleName(prompt, selection, name, options);
      const edited = prompt.slice(0, edit.start) + edit.replacement + prompt.slice(edit.end);
      assert.equal(edited, text);
      assert.ok(after.start >= 0 && after.start === after.end && after.end <= text.length);
    });
  });
});

describe("a click in 200 kB", () => {
  const SIZE = 200_000;
  const GROWTH = 16;

  /**
   * Measure the processor time of a click in a prompt made of one part, the best of three.
   *
   * @param {string} part
   * @param {number} size
   */
  function cost(part, size) {
    const prompt = part.repeat(size / part.length);
    const times = [1, 2, 3].map(() => {
      const before = process.cpuUsage();
      toggleName(prompt, { start: size / 2, end: size / 2 }, "bad", { names: ["bad dream"] });
      const { user, system } = process.cpuUsage(before);
      return user + system;
    });
    return Math.min(...times);
  }

  for (const part of ["bad dream, ", "(a", "[a:b)", "<a:", "\\", "a....", ":1 AND "]) {
    test(`of ${JSON.stringify(part)} costs in proportion to the length`, () => {
      // Quadratic work would cost 256 times as much; clearing up memory makes it some 30.
      const growth = cost(part, SIZE) / cost(part, SIZE / GROWTH);
      assert.ok(growth < 6 * GROWTH, `${GROWTH} times the length cost ${growth} times as much`);
    });
  }
});
