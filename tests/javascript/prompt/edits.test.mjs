import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  convertSyntax,
  findName,
  insertName,
  minimalEdit,
  removeName,
  replaceWord,
  toggleName,
} from "../../../javascript/textual_inversion/prompt/edits.mjs";
import { NASTY_NAMES } from "./nasty_names.mjs";

/**
 * Split a text at the "^" that shows where the caret is.
 *
 * @param {string} marked
 */
const atCaret = (marked) => ({ prompt: marked.replace("^", ""), caret: marked.indexOf("^") });

/** @param {{text: string, caret: number}} result */
const marked = ({ text, caret }) => `${text.slice(0, caret)}^${text.slice(caret)}`;

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
  const first = toggleName(prompt, prompt.length, name);
  return [first.text, toggleName(first.text, first.caret, name).text];
}

describe("a click on a card", () => {
  test("leaves the longer word bad-hands-5 alone when bad is clicked", () => {
    assert.deepEqual(clickTwice("a photo, bad-hands-5", "bad"), ["a photo, bad-hands-5, bad", "a photo, bad-hands-5"]);
  });

  test("removes the word cat and leaves catalog alone", () => {
    assert.equal(toggleName("a cat in a catalog", 0, "cat").text, "a in a catalog");
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
    assert.equal(toggleName("a, (easynegative:1.2), b", 0, "easynegative").text, "a, b");
  });

  test("does not take axb for a.b", () => {
    assert.deepEqual(clickTwice("axb", "a.b"), ["axb, a.b", "axb"]);
  });

  test("removes the occurrence that ends at the caret before any other", () => {
    assert.equal(marked(toggleName("(bad:1.2), x, bad, y, bad", 17, "bad")), "(bad:1.2), x^, y, bad");
  });

  test("removes the last occurrence when the caret is elsewhere", () => {
    assert.equal(marked(toggleName("bad, x, bad, y", 0, "bad")), "bad, x^, y");
  });

  test("returns whether it removed the name, and the edit that does it", () => {
    assert.deepEqual(toggleName("a, b", 1, "name"), {
      text: "a, name, b",
      caret: 7,
      removed: false,
      edit: { start: 3, end: 3, replacement: "name, " },
    });
    assert.deepEqual(toggleName("a, name, b", 0, "name"), {
      text: "a, b",
      caret: 1,
      removed: true,
      edit: { start: 3, end: 9, replacement: "" },
    });
  });

  test("adds a name of which only a longer known name is there", () => {
    const { text, removed } = toggleName("bad dream", 9, "bad", { names: ["bad dream"] });
    assert.deepEqual({ text, removed }, { text: "bad dream, bad", removed: false });
  });

  test("leaves the prompt as it is when the name is blank", () => {
    assert.deepEqual(clickTwice("a, b", " "), ["a, b", "a, b"]);
  });
});

describe("a nasty name", () => {
  for (const name of NASTY_NAMES) {
    test(`${JSON.stringify(name)} is written, found and removed`, () => {
      for (const place of [
        "^",
        "a cat, ^a dog",
        "(a ca^t:1.2)",
        "[a:^b:0.5]",
        "[a|^b]",
        "a,^\nb",
        "a AND ^b",
        "(a)^",
        "a, ^",
      ]) {
        const { prompt, caret } = atCaret(place);
        const { text, start, end } = insertName(prompt, caret, name);
        assert.deepEqual(findName(text, name, { names: NASTY_NAMES }), [{ start, end }], text);
        assert.equal(removeName(text, { start, end }).text, prompt);
      }
    });
  }
});

describe("the caret", () => {
  const rows = [
    ["in an empty prompt", "^", "name^"],
    ["at the start", "^cat", "name^, cat"],
    ["at the end", "cat^", "cat, name^"],
    ["in the middle of a word, nearer to its start", "x, c^at, y", "x, name^, cat, y"],
    ["in the middle of a word, nearer to its end", "x, ca^t, y", "x, cat, name^, y"],
    ["in the very middle of a word", "x, ca^ts, y", "x, cats, name^, y"],
    ["between two words of one item", "best ^quality, x", "name^, best quality, x"],
    ["after a comma", "cat,^ dog", "cat, name^, dog"],
    ["after a comma without a space", "cat,^dog", "cat, name^,dog"],
    ["at the end behind a separator, which stays", "cat, ^", "cat, name^, "],
    ["behind a full stop", "A cat.^", "A cat, name^."],
    ["inside a group", "(a, ^b)", "(a, name^, b)"],
    ["behind an opening bracket", "x (^a)", "x (name^, a)"],
    ["before a closing bracket", "(a^)", "(a, name^)"],
    ["in an empty group", "x, (^:1.2)", "x, (name^:1.2)"],
    ["in a group that is not closed", "x, (^", "x, (name^"],
    ["before a weight", "(a^:1.2), b", "(a, name^:1.2), b"],
    ["inside a weight", "(a:1^.2), b", "(a, name^:1.2), b"],
    ["behind a weight", "(a:1.2^), b", "(a, name^:1.2), b"],
    ["behind a group", "(a:1.2)^, b", "(a:1.2), name^, b"],
    [
      "nearer to the inside of a group than to any place outside",
      "best ^(quality:1.2) ever, b",
      "name^, best (quality:1.2) ever, b",
    ],
    ["in the first half of an edit", "[a^:b:0.5]", "[a, name^:b:0.5]"],
    ["in the number of an edit", "[a:b:0.^5]", "[a:b, name^:0.5]"],
    ["in an alternation", "[a|^b]", "[a|name^, b]"],
    ["inside an extra network", "a, <lora:b^:1>", "a, <lora:b:1>, name^"],
    ["at the end of a line", "a^\nb", "a, name^\nb"],
    ["at the start of a line", "a\n^b", "a\nname^, b"],
    ["on a line of its own", "a\n^\nb", "a\nname^\nb"],
    ["before BREAK", "a ^BREAK b", "a, name^ BREAK b"],
    ["behind BREAK", "a BREAK ^b", "a BREAK name^, b"],
    ["behind BREAK at the end", "a BREAK^", "a BREAK name^"],
    ["behind the weight of a composed prompt", "a AND b:0.8^", "a AND b, name^:0.8"],
    ["behind a ratio, which is no weight without AND", "wide 16:9^", "wide 16:9, name^"],
    ["before a comment", "a ^# b", "a, name^ # b"],
    ["in a comment, nearest to its line's end", "a # b^\nc", "a # b\nname^, c"],
    ["in a comment that ends the prompt", "a # b^", "a, name^ # b"],
    ["in a prompt that is a comment", "# b^", "name^ # b"],
    ["behind a lone backslash", "a, \\^", "a, \\, name^"],
    ["inside an escaped bracket", "sab^er \\(fate\\), x", "name^, saber \\(fate\\), x"],
  ];
  for (const [title, before, after] of rows) {
    test(`${title} gives ${JSON.stringify(after)}`, () => {
      const { prompt, caret } = atCaret(before);
      assert.equal(marked(insertName(prompt, caret, "name")), after);
    });
  }

  test("is in text where a negative prompt has an extra network", () => {
    const { prompt, caret } = atCaret("<lora:b^, c:1>");
    assert.equal(marked(insertName(prompt, caret, "name", { isNegative: true })), "<lora:b, name^, c:1>");
  });

  test("outside the prompt counts as its nearer end", () => {
    assert.equal(insertName("a", 99, "name").text, "a, name");
    assert.equal(insertName("a", -1, "name").text, "name, a");
  });

  test("between the words of a known name does not part them", () => {
    const { prompt, caret } = atCaret("one^, two");
    assert.equal(insertName(prompt, caret, "name", { names: ["one, two"] }).text, "name, one, two");
  });
});

describe("the separator", () => {
  const rows = [
    ["a space", " ", "a photo of^ cats", "a photo of name^ cats"],
    ["a space, but not in a list of commas", " ", "cat, ^dog", "cat, name^, dog"],
    ["a comma without a space", ",", "cat^", "cat,name^"],
    ["a comma between two spaces", " , ", "cat^", "cat , name^"],
    ["a comma if the option is empty", "", "cat^", "cat, name^"],
    ["a comma if the option is no separator", " BREAK ", "cat^", "cat, name^"],
    ["a comma if the option would begin a line", "\n", "cat^", "cat, name^"],
  ];
  for (const [title, separator, before, after] of rows) {
    test(`is ${title}`, () => {
      const { prompt, caret } = atCaret(before);
      assert.equal(marked(insertName(prompt, caret, "name", { separator })), after);
    });
  }

  test("is a comma where a space would make a third name of two", () => {
    const { text } = insertName("a bad", 5, "dream", { separator: " ", names: ["bad dream"] });
    assert.equal(text, "a bad, dream");
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

  test("takes the empty group along that received it", () => {
    const { text, start, end } = insertName("a, (:1.2)", 4, "name");
    assert.equal(removeName(text, { start, end }).text, "a");
  });

  test("leaves the caret where the name was", () => {
    assert.equal(marked(removeName("a, name, b", { start: 3, end: 7 })), "a^, b");
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
