import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import {
  convertSyntax,
  History,
  minimalEdit,
  partName,
  removeEach,
  removeName,
  replaceWord,
  selectionAfter,
  toggleName,
  weighName,
} from "../../../javascript/textual_inversion/prompt/edits.mjs";
import { insertName } from "../../../javascript/textual_inversion/prompt/gaps.mjs";
import { findName } from "../../../javascript/textual_inversion/prompt/pieces.mjs";
import { NASTY_NAMES } from "./nasty_names.mjs";

/** Where people have the caret, and what a click then writes: "‸" is the caret, two are a selection. */
const CASES = JSON.parse(readFileSync(new URL("../../data/caret_cases.json", import.meta.url), "utf-8"));

/** @param {number} caret */
const caretAt = (caret) => ({ start: caret, end: caret });

/**
 * Split a text at the "‸" that shows where the caret is, or at the two around a selection.
 *
 * @param {string} marked
 */
function atCaret(marked) {
  const parts = marked.split("‸");
  const start = parts[0].length;
  return { prompt: parts.join(""), selection: { start, end: start + (parts.length > 2 ? parts[1].length : 0) } };
}

/** @param {{text: string, selection: {start: number, end: number}}} result */
const marked = ({ text, selection: { end } }) => `${text.slice(0, end)}‸${text.slice(end)}`;

/**
 * @param {string} prompt
 * @param {string} name
 */
const withoutFirst = (prompt, name) => removeName(prompt, findName(prompt, name)[0]).text;

/**
 * Click a card twice, the caret first at the end of the prompt and then where it was left.
 *
 * @param {string} prompt
 * @param {string} name
 */
function clickTwice(prompt, name) {
  const first = toggleName(prompt, caretAt(prompt.length), name);
  return [first.text, toggleName(first.text, first.selection, name).text];
}

describe("a click on a card", () => {
  test("leaves the longer word bad-hands-5 alone when bad is clicked", () => {
    assert.deepEqual(clickTwice("a photo, bad-hands-5", "bad"), ["a photo, bad-hands-5, bad", "a photo, bad-hands-5"]);
  });

  test("removes the word cat and leaves catalog alone", () => {
    assert.equal(toggleName("a cat in a catalog", caretAt(0), "cat").text, "a in a catalog");
  });

  test("writes and removes c++, whose name is no valid pattern", () => {
    assert.deepEqual(clickTwice("code", "c++"), ["code, c++", "code"]);
  });

  test("writes and removes name[v2, whose bracket is never closed", () => {
    assert.deepEqual(clickTwice("a", "name[v2"), ["a, name\\[v2", "a"]);
  });

  test("removes foo(1) at the second click instead of adding it again", () => {
    assert.deepEqual(clickTwice("a", "foo(1)"), ["a, foo\\(1\\)", "a"]);
  });

  test("does not take emb_1x5 for emb_1.5", () => {
    assert.deepEqual(clickTwice("emb_1x5", "emb_1.5"), ["emb_1x5, emb_1.5", "emb_1x5"]);
  });

  test("removes a weighted name together with its group", () => {
    assert.equal(toggleName("a, (easynegative:1.2), b", caretAt(0), "easynegative").text, "a, b");
  });

  test("does not take axb for a.b", () => {
    assert.deepEqual(clickTwice("axb", "a.b"), ["axb, a.b", "axb"]);
  });

  test("removes the occurrence that ends at the caret before any other", () => {
    assert.equal(marked(toggleName("(bad:1.2), x, bad, y, bad", caretAt(17), "bad")), "(bad:1.2), x‸, y, bad");
  });

  test("removes the last occurrence when the caret is elsewhere", () => {
    assert.equal(marked(toggleName("bad, x, bad, y", caretAt(0), "bad")), "bad, x‸, y");
  });

  test("returns whether it removed the name, and the edit that does it", () => {
    assert.deepEqual(toggleName("a, b", caretAt(1), "name"), {
      text: "a, name, b",
      selection: caretAt(7),
      removed: false,
      edit: { start: 3, end: 3, replacement: "name, " },
    });
    assert.deepEqual(toggleName("a, name, b", caretAt(0), "name"), {
      text: "a, b",
      selection: caretAt(1),
      removed: true,
      edit: { start: 3, end: 9, replacement: "" },
    });
  });

  test("adds a name of which only a longer known name is there", () => {
    const { text, removed } = toggleName("bad dream", caretAt(9), "bad", { names: ["bad dream"] });
    assert.deepEqual({ text, removed }, { text: "bad dream, bad", removed: false });
  });

  test("leaves the prompt as it is when the name is blank", () => {
    assert.deepEqual(clickTwice("a, b", " "), ["a, b", "a, b"]);
  });
});

describe("a nasty name", () => {
  for (const name of NASTY_NAMES) {
    test(`${JSON.stringify(name)} is written, found and removed`, () => {
      for (const [place] of CASES) {
        const { prompt, selection } = atCaret(place);
        const reading = { names: NASTY_NAMES };
        if (findName(prompt, name, reading).length) continue;
        const insertions = new History();
        const click = (text, at) => insertions.toggle(text, at, name, () => toggleName(text, at, name, reading));
        const first = click(prompt, selection);
        const { start, end } = insertName(prompt, selection, name, reading);
        assert.deepEqual(findName(first.text, name, reading), [{ start, end }], first.text);
        assert.equal(click(first.text, first.selection).text, prompt);
      }
    });
  }
});

describe("where the caret is", () => {
  for (const [place, ...results] of CASES) {
    for (const [separator, result] of [", ", " "].map((each, at) => [each, results[at] ?? results[0]])) {
      test(`${JSON.stringify(place)} becomes ${JSON.stringify(result)} with ${JSON.stringify(separator)}`, () => {
        const { prompt, selection } = atCaret(place);
        const insertions = new History();
        const click = (text, at) =>
          insertions.toggle(text, at, "name", () => toggleName(text, at, "name", { separator }));
        const first = click(prompt, selection);
        assert.equal(marked(first), result);
        const { text, selection: after } = click(first.text, first.selection);
        assert.deepEqual({ text, after }, { text: prompt, after: selection });
      });
    }
  }

  test("is in text where a negative prompt has an extra network", () => {
    const { prompt, selection } = atCaret("<lora:b‸, c:1>");
    assert.equal(insertName(prompt, selection, "name", { isNegative: true }).text, "<lora:b, name, c:1>");
  });

  test("outside the prompt counts as its nearer end", () => {
    assert.equal(insertName("a", caretAt(99), "name").text, "a, name");
    assert.equal(insertName("a", caretAt(-1), "name").text, "name, a");
  });

  test("between the words of a known name does not part them", () => {
    const { prompt, selection } = atCaret("one‸, two");
    assert.equal(insertName(prompt, selection, "name", { names: ["one, two"] }).text, "one, two, name");
  });

  test("several names come out as they went in, in any order of clicks on the last", () => {
    const insertions = new History();
    const click = (text, at, name) => insertions.toggle(text, at, name, () => toggleName(text, at, name));
    const first = click("cat, ", caretAt(5), "a");
    const second = click(first.text, first.selection, "b");
    assert.equal(second.text, "cat, a, b");
    assert.equal(click(second.text, second.selection, "b").text, "cat, a");
    assert.equal(click("cat, a", caretAt(6), "a").text, "cat, ");
  });
});

describe("a name that ends in a mark", () => {
  const rows = [
    ["cat, ‸dog", "cat, c++ , dog"],
    ["(‸:1.2)", "(c++:1.2)"],
    ["cat‸. Dog", "cat, c++ . Dog"],
    ["cat c++‸", "cat"],
  ];
  for (const [before, after] of rows) {
    test(`in ${before} keeps no comma right behind it`, () => {
      const { prompt, selection } = atCaret(before);
      assert.equal(toggleName(prompt, selection, "c++").text, after);
    });
  }

  test("has a space before the comma of the next name", () => {
    const { prompt, selection } = atCaret("cat, c++‸");
    assert.equal(insertName(prompt, selection, "name", { names: ["c++"] }).text, "cat, c++ , name");
    assert.equal(insertName(prompt, selection, "name").text, "cat, c++, name");
  });
});

describe("the separator", () => {
  const rows = [
    ["a comma without a space", ",", "cat‸", "cat,name"],
    ["a comma between two spaces", " , ", "cat‸", "cat , name"],
    ["a comma if the option is empty", "", "cat‸", "cat, name"],
    ["a comma if the option is no separator", " BREAK ", "cat‸", "cat, name"],
    ["a comma if the option would begin a line", "\n", "cat‸", "cat, name"],
  ];
  for (const [title, separator, before, after] of rows) {
    test(`is ${title}`, () => {
      const { prompt, selection } = atCaret(before);
      assert.equal(insertName(prompt, selection, "name", { separator }).text, after);
    });
  }

  test("is a comma where a space would make a third name of two", () => {
    for (const separator of [", ", " "]) {
      const reading = { separator, names: ["bad dream", "dream big"] };
      assert.equal(insertName("a bad", caretAt(5), "dream", reading).text, "a bad, dream");
      assert.equal(insertName("a bad ", caretAt(6), "dream", reading).text, "a bad, dream ");
      assert.equal(insertName("a bad big", caretAt(5), "dream", reading).text, "a bad, dream, big");
    }
  });
});

describe("removing a name", () => {
  const rows = [
    ["leaves nothing of a prompt that held it alone", "name", ""],
    ["leaves no separator at the start", "name, cat", "cat"],
    ["leaves no separator at the end", "cat, name", "cat"],
    ["leaves one separator between its neighbours", "a, name, b", "a, b"],
    ["keeps the neighbours' way of writing separators", "a,name,b", "a,b"],
    ["keeps the stronger of two separators", "a, name b", "a, b"],
    ["keeps the words around it apart", "a name b", "a b"],
    ["keeps a word and a group apart", "a name(b)", "a (b)"],
    ["leaves the full stop behind it", "photo of name. A cat", "photo of. A cat"],
    ["leaves the end of its line", "a, name\nb", "a\nb"],
    ["leaves the start of its line", "a\nname, b", "a\nb"],
    ["takes the group that held it alone", "a, (name), b", "a, b"],
    ["takes the weight of that group", "a, (name:1.2)", "a"],
    ["takes all groups around it", "a, ((name)), b", "a, b"],
    ["takes groups of both kinds", "[((name:1.2))]", ""],
    ["takes the group that weakens it", "[name], a", "a"],
    ["takes an edit that did nothing else", "a, [name:0.5], [name::0.5]", "a, [name::0.5]"],
    ["takes the group although a comma dangles in it", "a, (name, :1.2)", "a"],
    ["takes an alternation with nothing", "[|name]", ""],
    ["keeps the comma that its group began with", "(, name)", "(, )"],
    ["keeps the group that holds more", "(a, name:1.2)", "(a:1.2)"],
    ["keeps the weight of the words that stay", "(name, a:1.2)", "(a:1.2)"],
    ["keeps the other half of an edit", "[a:name:0.5]", "[a::0.5]"],
    ["keeps the other half of an alternation", "[name|b]", "[|b]"],
    ["leaves BREAK between its neighbours", "a, name BREAK b", "a BREAK b"],
    ["leaves AND between its neighbours", "a AND name, b", "a AND b"],
    ["keeps AND a word of its own", "a [name]AND b", "a AND b"],
    ["leaves a network that touches it", "a, name<lora:x:1>", "a, <lora:x:1>"],
    ["takes the first of two as asked", "name, a, name", "a, name"],
  ];
  for (const [title, before, after] of rows) {
    test(title, () => assert.equal(withoutFirst(before, "name"), after));
  }

  test("leaves the caret where the name was", () => {
    assert.deepEqual(removeName("a, name, b", { start: 3, end: 7 }), { text: "a, b", caret: 1 });
  });
});

describe("the minimal edit", () => {
  const rows = [
    ["abc", "abc", { start: 3, end: 3, replacement: "" }],
    ["a, b", "a, x, b", { start: 3, end: 3, replacement: "x, " }],
    ["aaa", "aa", { start: 2, end: 3, replacement: "" }],
    ["", "x", { start: 0, end: 0, replacement: "x" }],
    ["😀", "😁", { start: 0, end: 2, replacement: "😁" }],
    ["\u{1f600}", "\u{1fa00}", { start: 0, end: 2, replacement: "\u{1fa00}" }],
  ];
  for (const [before, after, edit] of rows) {
    test(`from ${before} to ${after} is ${JSON.stringify(edit)}`, () => {
      assert.deepEqual(minimalEdit(String(before), String(after)), edit);
    });
  }
});

describe("a correction", () => {
  /** Return a prompt after an edit. */
  function after(prompt, { start, end, replacement }) {
    return prompt.slice(0, start) + replacement + prompt.slice(end);
  }

  /** Find foreign syntax in a prompt, as the server does. */
  function foreign(prompt, text, replacement) {
    const start = prompt.indexOf(text);
    return { text, start, end: start + text.length, name: replacement, replacement, program: "ComfyUI" };
  }

  test("all foreign syntax becomes names in one edit, and the text between stays", () => {
    const prompt = "😀 a (embedding:foo:1.2), $& and <bar>, end";
    const found = [foreign(prompt, "embedding:foo", "foo"), foreign(prompt, "<bar>", "b\\(ar")];
    assert.equal(after(prompt, convertSyntax(prompt, found)), "😀 a (foo:1.2), $& and b\\(ar, end");
  });

  test("foreign syntax that is not there any more is left alone", () => {
    const prompt = "embedding:foo, <bar>";
    const found = [foreign(prompt, "embedding:foo", "foo"), foreign(prompt, "<bar>", "bar")];
    assert.equal(after("embedding:fox, <bar>", convertSyntax("embedding:fox, <bar>", found)), "embedding:fox, bar");
    assert.equal(convertSyntax("a cat", found), null);
    assert.equal(convertSyntax(prompt, []), null);
  });

  test("a word is replaced wherever it is a word of its own, in one edit", () => {
    const prompt = "(marc_alante:1.2), marc_alantes, Marc_Alante";
    assert.equal(
      after(prompt, replaceWord(prompt, "marc_alante", "marc_allante")),
      "(marc_allante:1.2), marc_alantes, marc_allante",
    );
  });

  test("a name is written so that the prompt reads it", () => {
    assert.equal(after("foo_bra", replaceWord("foo_bra", "foo_bra", "foo(bar)")), "foo\\(bar\\)");
  });

  test("a word that is gone changes nothing", () => {
    assert.equal(replaceWord("a cat", "marc_alante", "marc_allante"), null);
  });
});

describe("a weight", () => {
  /** @param {string} prompt @param {{start: number, end: number, replacement: string} | null} edit */
  const edited = (prompt, edit) => edit && prompt.slice(0, edit.start) + edit.replacement + prompt.slice(edit.end);
  const weighed = (prompt, change, name = "cat", reading = {}) =>
    edited(prompt, weighName(prompt, name, change, reading));

  const STRONGER = [
    ["cat", "(cat:1.1)"],
    ["a cat, a dog", "a (cat:1.1), a dog"],
    ["(cat:1.1), a dog", "(cat:1.2), a dog"],
    ["(cat)", "(cat:1.2)"],
    ["((cat))", "((cat:1.2))"],
    ["(cat:0.9)", "cat"],
    ["( cat : 1.25 )", "(cat:1.35)"],
    ["(cat:-0.1)", "(cat:0)"],
    ["[cat]", "[(cat:1.1)]"],
    ["[cat:0.5]", "[(cat:1.1):0.5]"],
    ["(a cat:1.2)", "(a (cat:1.1):1.2)"],
    ["(cat, a dog:1.2)", "((cat:1.1), a dog:1.2)"],
    ["(cat,:1.2)", "((cat:1.1),:1.2)"],
    ["a(cat:0.9)b", "a(cat:1)b"],
    ["cat, (cat:1.3)", "(cat:1.1), (cat:1.4)"],
    ["(cat", "((cat:1.1)"],
    ["(cat:1.2.3)", "((cat:1.1):1.2.3)"],
    ["a dog", null],
  ];
  for (const [prompt, wanted] of STRONGER) {
    test(`rises by a step in "${prompt}"`, () => assert.equal(weighed(prompt, 0.1), wanted));
  }

  test("falls by a step, and brackets that say nothing go", () => {
    assert.equal(weighed("(cat:1.1), a dog", -0.1), "cat, a dog");
    assert.equal(weighed("(cat), a dog", -0.1), "cat, a dog");
    assert.equal(weighed("cat, a dog", -0.1), "(cat:0.9), a dog");
  });

  test("keeps its brackets where a mark behind the name would change it", () => {
    assert.equal(weighed("(c++:1.1), a dog", -0.1, "c++"), "(c++:1), a dog");
    assert.equal(weighed("(c++:1.1) , a dog", -0.1, "c++"), "c++ , a dog");
  });

  test("belongs to no longer name", () => {
    assert.equal(weighed("cat dream", 0.1, "cat", { names: ["cat dream"] }), null);
  });

  test("goes up and back to the same prompt, whatever the name", () => {
    for (const name of NASTY_NAMES) {
      const { text: prompt } = insertName("a dog, ", caretAt(7), name);
      const up = weighed(prompt, 0.1, name);
      if (up === null) continue; // Nothing that a prompt can hold.
      assert.notEqual(up, prompt);
      assert.equal(weighed(up, -0.1, name), prompt, name);
    }
  });
});

test("a name that is removed from a prompt is nowhere in it", () => {
  assert.equal(removeEach("a cat, (cat:1.2), a catalog", "cat"), "a, a catalog");
  assert.equal(removeEach("cat dream, cat", "cat", { names: ["cat dream"] }), "cat dream");
  assert.equal(removeEach("a dog", "cat"), "a dog");
});

test("a space parts a name from a mark that touches it", () => {
  assert.deepEqual(partName("c++, a dog", "c++"), { start: 3, end: 3, replacement: " " });
  assert.deepEqual(partName("a cat!!", "cat!"), { start: 6, end: 6, replacement: " " });
  assert.equal(partName("(cat!:1.2)", "cat!"), null);
  assert.equal(partName("c++ , a dog", "c++"), null);
  assert.equal(partName("cat, a dog", "cat"), null);
});

test("a caret stays with its word while something else is edited", () => {
  const edit = { start: 4, end: 7, replacement: "(cat:1.1)" };
  const after = (/** @type {number} */ at) => selectionAfter(caretAt(at), edit).start;
  assert.deepEqual([0, 4, 5, 7, 10].map(after), [0, 4, 13, 13, 16]);
  assert.deepEqual(selectionAfter({ start: 1, end: 9 }, edit), { start: 1, end: 15 });
});
