import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 as crcOf, deflateRawSync } from "node:zlib";

import { arrivalsIn, batchesOf, groupsOf } from "../../../javascript/textual_inversion/tab/arrivals.mjs";

const TEXT = new TextEncoder();

/** The checksum of a zip, as slow as can be; Node has it from 22 on. */
function crc32(bytes) {
  if (crcOf) return crcOf(bytes);
  let sum = -1;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return ~sum >>> 0;
}

/** Build a zip; each member may say what is not true of it. */
function zipOf(members, { before = "", end = {} } = {}) {
  const [parts, rows] = [[TEXT.encode(before)], []];
  let at = 0;
  for (const { name, data = "", method = 8, flags = 0, sum, bytes } of members) {
    const raw = TEXT.encode(data);
    const packed = method === 8 ? deflateRawSync(raw) : raw;
    const written = TEXT.encode(name);
    const numbers = [0, method, 0, sum ?? crc32(raw), packed.length, bytes ?? raw.length];
    const local = header(0x04034b50, [20, flags], numbers, [written.length, 0]);
    rows.push(header(0x02014b50, [20, 20, flags], numbers, [written.length, 0, 0, 0, 0, 0, 0]), longs([at]), written);
    parts.push(local, written, packed);
    at += local.length + written.length + packed.length;
  }
  const size = rows.reduce((total, { length }) => total + length, 0);
  const { count = members.length, begin = at } = end;
  return new File([...parts, ...rows, longs([0x06054b50]), shorts([0, 0, count, count]), longs([size, begin]), shorts([0])], "some.zip");
}

function header(mark, versions, [, method, time, sum, packed, bytes], rest) {
  return new Uint8Array([
    ...longs([mark]),
    ...shorts([...versions, method]),
    ...longs([time, sum, packed, bytes]),
    ...shorts(rest),
  ]);
}

function shorts(numbers) {
  return new Uint8Array(new Uint16Array(numbers).buffer);
}

function longs(numbers) {
  return new Uint8Array(new Uint32Array(numbers).buffer);
}

/** Return what comes of each file: its content, or why there is none. */
async function outcomes(...dropped) {
  const found = [];
  for await (const { path, target, problem, open } of arrivalsIn(dropped))
    found.push([path, target, problem ?? (await open().then((blob) => blob.text(), ({ message }) => message))]);
  return found;
}

const DAMAGED = "it is damaged in the zip: download the zip again";

test("a file comes as it is, and what systems hide does not come", async () => {
  assert.deepEqual(await outcomes(new File(["x"], "cat.pt"), new File(["x"], ".DS_Store")), [["cat.pt", "cat.pt", "x"]]);
});

test("all members of a zip come, in their folders, and none leads out of these", async () => {
  const zip = zipOf([
    { name: "styles/" },
    { name: "styles/cat.pt", data: "long ".repeat(99) },
    { name: "../../etc/dog.pt", data: "x", method: 0 },
    { name: "C:\\fox.pt", data: "" },
    { name: "__MACOSX/styles/._cat.pt", data: "x" },
  ]);
  assert.deepEqual(await outcomes(zip), [
    ["some.zip: styles/cat.pt", "styles/cat.pt", "long ".repeat(99)],
    ["some.zip: ../../etc/dog.pt", "etc/dog.pt", "x"],
    ["some.zip: C:\\fox.pt", "fox.pt", ""],
  ]);
});

test("what lies before a zip does not matter", async () => {
  const zip = zipOf([{ name: "cat.pt", data: "x" }], { before: "a program that unpacks it" });
  assert.deepEqual(await outcomes(zip), [["some.zip: cat.pt", "cat.pt", "x"]]);
});

test("no member gives more than the zip says, and each is what was packed", async () => {
  const bomb = { name: "bomb.pt", data: "0".repeat(1_000_000), bytes: 10 };
  const [lie, short, wrong] = [
    { name: "lie.pt", data: "x", bytes: 2 },
    { name: "short.pt", data: "xx", bytes: 1 },
    { name: "wrong.pt", data: "x", sum: 1 },
  ];
  const told = await outcomes(zipOf([bomb, lie, short, wrong]));
  assert.deepEqual(told.map(([, , outcome]) => outcome), Array(4).fill(DAMAGED));
});

test("a zip in a zip stays packed, and so does what no page can unpack", async () => {
  const told = await outcomes(
    zipOf([{ name: "more.ZIP", data: "x" }, { name: "a.pt", data: "x", flags: 1 }, { name: "b.pt", data: "x", method: 12 }]),
  );
  assert.deepEqual(told.map(([, , outcome]) => outcome), [
    "it is a zip inside a zip: unpack it, and drop its contents",
    "it has a password: unpack it, and drop its contents",
    "it is packed in a way that a web page cannot unpack: unpack it, and drop its contents",
  ]);
});

test("a zip that cannot be read is one file with its problem, behind what was read of it", async () => {
  const whole = zipOf([{ name: "cat.pt", data: "x" }]);
  const cases = [
    [new File(["<html>"], "some.zip"), "it is not a zip, or was cut off: download it again"],
    [new File([whole.slice(0, -30)], "some.zip"), "it is not a zip, or was cut off: download it again"],
    [zipOf([{ name: "cat.pt" }], { end: { count: 2 } }), DAMAGED],
    [zipOf([{ name: "cat.pt" }], { end: { count: 0xffff } }), "it is larger than a zip that a web page can read: unpack it, and drop its contents"],
  ];
  for (const [file, problem] of cases) assert.deepEqual(await outcomes(file), [["some.zip", "some.zip", problem]]);
  assert.deepEqual(await outcomes(zipOf([{ name: "cat.pt" }], { end: { begin: 7 } })), [["some.zip: cat.pt", "cat.pt", DAMAGED]]);
});

/** A folder as browsers tell of it, some of its entries at a time. */
function folderOf(name, entries, path = `/${name}`) {
  const batches = [entries.slice(0, 1), entries.slice(1), []];
  return { isFile: false, isDirectory: true, name, fullPath: path, createReader: () => ({ readEntries: (found) => found(batches.shift()) }) };
}

function fileIn(folder, file) {
  return { isFile: true, isDirectory: false, name: file.name, fullPath: `/${folder}/${file.name}`, file: (found) => found(file) };
}

test("folders are walked to their ends, and a file that cannot be opened is left out", async () => {
  const gone = { ...fileIn("a", new File([], "gone.pt")), file: (_found, failed) => failed(new Error("gone")) };
  const inner = folderOf("b", [fileIn("a/b", new File(["2"], "dog.pt"))], "/a/b");
  const zip = zipOf([{ name: "fox.pt", data: "3" }]);
  assert.deepEqual(await outcomes(folderOf("a", [fileIn("a", new File(["1"], "cat.pt")), inner, gone, fileIn("a", zip)])), [
    ["a/cat.pt", "a/cat.pt", "1"],
    ["a/b/dog.pt", "a/b/dog.pt", "2"],
    ["a/some.zip: fox.pt", "a/fox.pt", "3"],
  ]);
});

test("what has the name of an embedding travels with it, and so do the files of a pair", () => {
  const targets = ["a/cat.pt", "a/dog.pt", "a/Cat.preview.png", "cat.json", "a/cat.civitai.info", "a/pair_2.safetensors", "a/pair.safetensors"];
  const groups = groupsOf(targets.map((target) => ({ target })));
  assert.deepEqual(groups.map((group) => group.map(({ target }) => target)), [
    ["a/cat.pt", "a/Cat.preview.png", "a/cat.civitai.info"],
    ["a/dog.pt"],
    ["cat.json"],
    ["a/pair_2.safetensors", "a/pair.safetensors"],
  ]);
});

test("no batch is too large but a group that is", () => {
  const [one, two, large] = [[{ bytes: 1 }], [{ bytes: 1 }, { bytes: 1 }], [{ bytes: 9 }, { bytes: 9 }]];
  const sizes = (most) => batchesOf([one, two, one, large, one], most).map((batch) => batch.length);
  assert.deepEqual(sizes({ files: 9, bytes: 4 }), [4, 2, 1]);
  assert.deepEqual(sizes({ files: 3, bytes: 99 }), [3, 3, 1]);
  assert.deepEqual(batchesOf([], { files: 9, bytes: 4 }), []);
});
