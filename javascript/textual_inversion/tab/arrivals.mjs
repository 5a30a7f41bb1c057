/**
 * Files on their way here, one by one: those of folders are found, and those of zips unpacked.
 *
 * A zip is unpacked by the page, so that of a large one only its embeddings travel, and each of them comes in
 * by the one door that every file comes in by. Of its names no step leads up or to the root of a disk, and a zip
 * in a zip stays packed.
 */

import { phrase } from "../phrases.mjs";

/**
 * @typedef {object} Arrival
 * @property {string} path What people see: where it lies in the folder or the zip that it comes with.
 * @property {string} target Where it shall lie below the chosen folder, with slashes.
 * @property {number} bytes
 * @property {string} [problem] Why it cannot come.
 * @property {() => Promise<Blob>} open Returns what is in it; fails with a sentence, also where that is more.
 */

/** A zip of 10,000 files has about one million. */
const DIRECTORY_BYTES = 4 << 20;
/** What a zip ends with, with the longest comment. */
const END_BYTES = 22 + 0xffff;
const [END, MEMBER, LOCAL] = [0x06054b50, 0x02014b50, 0x04034b50];
const [IS_ENCRYPTED, IS_UTF8] = [1, 1 << 11];
const [STORED, DEFLATED] = [0, 8];
/** Where numbers stand for larger ones elsewhere. */
const [LONG, SHORT] = [0xffffffff, 0xffff];

const ADVICE = phrase("unpack it, and drop its contents");

/**
 * Return what is dropped, which browsers tell while the event lasts only.
 *
 * @param {DataTransfer} transfer
 * @returns {(File | FileSystemEntry)[]} Folders are entries.
 */
export function droppedIn({ items }) {
  return Array.from(items).flatMap((item) => {
    if (item.kind !== "file") return [];
    const entry = item.webkitGetAsEntry();
    const found = entry?.isDirectory ? entry : item.getAsFile();
    return found ? [found] : [];
  });
}

/**
 * Yield all files in what somebody dropped or chose, but for those that systems hide.
 *
 * @param {Iterable<File | FileSystemEntry>} dropped
 * @returns {AsyncGenerator<Arrival>}
 */
export async function* arrivalsIn(dropped) {
  for (const each of dropped) {
    const files = each instanceof File ? [{ file: each, path: each.webkitRelativePath || each.name }] : filesBelow(each);
    for await (const { file, path } of files) {
      if (isUnseen(path)) continue;
      if (isZip(path)) yield* membersOf(file, path);
      else yield { path, target: inner(path), bytes: file.size, open: async () => file };
    }
  }
}

/**
 * @param {FileSystemEntry} entry
 * @returns {AsyncGenerator<{file: File, path: string}>}
 */
async function* filesBelow(entry) {
  if (entry.isFile) {
    const { promise, resolve, reject } = outcome();
    /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject);
    const file = await promise.catch(() => undefined); // It is gone, or nobody may read it.
    if (file) yield { file, path: entry.fullPath.replace(/^\//, "") };
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    const { promise, resolve, reject } = outcome();
    reader.readEntries(resolve, reject);
    const some = await promise.catch(() => []);
    if (!some.length) return;
    for (const each of some) yield* filesBelow(each);
  }
}

/** @returns {{promise: Promise<any>, resolve: (found: any) => void, reject: (error: Error) => void}} */
function outcome() {
  let [resolve, reject] = [(/** @type {any} */ _found) => {}, (/** @type {Error} */ _error) => {}];
  const promise = new Promise((...both) => ([resolve, reject] = both));
  return { promise, resolve, reject };
}

/**
 * Return a path without what leads out of its folder.
 *
 * @param {string} path
 */
function inner(path) {
  const steps = path.split(/[/\\]/);
  return steps.filter((step) => step && !/^(?:\.+|[a-z]:)$/i.test(step)).join("/");
}

/**
 * Return files in groups: what has the name of an embedding travels with it.
 *
 * @template {{target: string}} File
 * @param {Iterable<File>} files
 * @returns {File[][]}
 */
export function groupsOf(files) {
  /** @type {Map<string, File[]>} */
  const groups = new Map();
  for (const file of files) {
    const [, folder, name] = /** @type {string[]} */ (file.target.toLowerCase().match(/^(.*\/)?([^/]?[^/.]*)/));
    const key = (folder ?? "") + name.replace(/_2$/, ""); // the second file of a pair
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  return Array.from(groups.values());
}

/**
 * Put groups together, as many as travel at once; a larger group is one alone.
 *
 * @template {{bytes: number}} File
 * @param {File[][]} groups
 * @param {{bytes: number, files: number}} most
 * @returns {File[][]}
 */
export function batchesOf(groups, most) {
  /** @type {File[][]} */
  const batches = [];
  for (const group of groups) {
    const together = [...(batches.at(-1) ?? []), ...group];
    const bytes = together.reduce((sum, file) => sum + file.bytes, 0);
    if (batches.length && together.length <= most.files && bytes <= most.bytes) batches[batches.length - 1] = together;
    else batches.push(group);
  }
  return batches;
}

/** @param {string} path */
function isUnseen(path) {
  return /(?:^|\/)(?:\.[^./]|__MACOSX\/)/.test(path);
}

/** @param {string} path */
function isZip(path) {
  return path.toLowerCase().endsWith(".zip");
}

/**
 * Yield the files in a zip; the zip itself where it cannot be unpacked, with its problem.
 *
 * @param {Blob} zip
 * @param {string} path
 * @returns {AsyncGenerator<Arrival>}
 */
async function* membersOf(zip, path) {
  try {
    for (const member of await readDirectory(zip)) {
      if (member.path.endsWith("/") || isUnseen(member.path)) continue;
      const around = path.includes("/") ? path.replace(/[^/]*$/, "") : "";
      yield {
        path: `${path}: ${member.path}`,
        target: inner(around + member.path),
        bytes: member.bytes,
        problem: isZip(member.path) ? phrase("it is a zip inside a zip: {advice}", { advice: ADVICE }) : undefined,
        open: () => unpack(zip, member),
      };
    }
  } catch (error) {
    const problem = /** @type {Error} */ (error).message;
    yield { path, target: inner(path), bytes: zip.size, problem, open: async () => zip };
  }
}

/** @typedef {{path: string, flags: number, method: number, sum: number, packed: number, bytes: number, at: number}} Member */

/**
 * Return what a zip says that it holds.
 *
 * @param {Blob} zip
 * @returns {Promise<Member[]>}
 */
async function readDirectory(zip) {
  const tail = await viewOf(zip.slice(-END_BYTES));
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== END) end -= 1;
  if (end < 0) throw new Error(phrase("it is not a zip, or was cut off: download it again"));
  const [count, size, begin] = [tail.getUint16(end + 10, true), tail.getUint32(end + 12, true), tail.getUint32(end + 16, true)];
  if (count === SHORT || size === LONG || begin === LONG || size > DIRECTORY_BYTES)
    throw new Error(phrase("it is larger than a zip that a web page can read: {advice}", { advice: ADVICE }));
  const at = zip.size - tail.byteLength + end - size;
  const view = await viewOf(zip.slice(Math.max(at, 0), at + size));
  const members = [];
  for (let place = 0; members.length < count; ) {
    if (place + 46 > view.byteLength || view.getUint32(place, true) !== MEMBER) throw damaged();
    const [name, more, comment] = [28, 30, 32].map((offset) => view.getUint16(place + offset, true));
    const [sum, packed, bytes] = [16, 20, 24].map((offset) => view.getUint32(place + offset, true));
    const flags = view.getUint16(place + 8, true);
    const written = new Uint8Array(view.buffer, place + 46, Math.min(name, view.byteLength - place - 46));
    members.push({
      path: new TextDecoder(flags & IS_UTF8 ? "utf-8" : "latin1").decode(written),
      flags,
      method: view.getUint16(place + 10, true),
      sum,
      packed,
      bytes,
      // What lies before a zip, as in one that unpacks itself, is not counted in it.
      at: at - begin + view.getUint32(place + 42, true),
    });
    place += 46 + name + more + comment;
  }
  return members;
}

/**
 * @param {Blob} zip
 * @param {Member} member
 * @returns {Promise<Blob>}
 */
async function unpack(zip, { flags, method, sum, packed, bytes, at }) {
  if (flags & IS_ENCRYPTED) throw new Error(phrase("it has a password: {advice}", { advice: ADVICE }));
  if (method !== STORED && method !== DEFLATED) throw new Error(phrase("it is packed in a way that a web page cannot unpack: {advice}", { advice: ADVICE }));
  const header = await viewOf(zip.slice(at, at + 30));
  if (header.byteLength < 30 || header.getUint32(0, true) !== LOCAL) throw damaged();
  const begin = at + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  const stream = zip.slice(begin, begin + packed).stream();
  const reader = (method === STORED ? stream : stream.pipeThrough(new DecompressionStream("deflate-raw"))).getReader();
  const [pieces, crc] = [/** @type {Uint8Array<ArrayBuffer>[]} */ ([]), new Crc()];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => Promise.reject(damaged()));
    if (done) break;
    size += value.length;
    if (size > bytes) {
      reader.cancel().catch(() => {});
      throw damaged();
    }
    crc.add(value);
    pieces.push(value);
  }
  if (size !== bytes || crc.sum !== sum) throw damaged();
  return new Blob(pieces);
}

function damaged() {
  return new Error(phrase("it is damaged in the zip: download the zip again"));
}

/** @param {Blob} blob */
async function viewOf(blob) {
  return new DataView(await blob.arrayBuffer());
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit += 1) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

/** The checksum of a zip. */
class Crc {
  #state = -1;

  /** @param {Uint8Array} bytes */
  add(bytes) {
    let state = this.#state;
    for (const byte of bytes) state = CRC_TABLE[(state ^ byte) & 255] ^ (state >>> 8);
    this.#state = state;
  }

  get sum() {
    return ~this.#state >>> 0;
  }
}
