/**
 * The rooms hold: imports point down only, and no module knows itself through others.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../javascript/textual_inversion", import.meta.url));

/**
 * From the ground up; a module imports from its own room and from lower floors. Rooms of one
 * floor do not know each other. `shared` is what lies beside the rooms, but for `mount.mjs`.
 */
const FLOORS = [["shared"], ["prompt"], ["cards", "completion", "pictures", "report", "sources"], ["tab"], ["mount"]];

const MODULES = readdirSync(ROOT, { recursive: true })
  .map(String)
  .filter((path) => path.endsWith(".mjs"))
  .sort();

/** @param {string} module */
function roomOf(module) {
  const [room, ...rest] = module.split(sep);
  if (rest.length) return room;
  return module === "mount.mjs" ? "mount" : "shared";
}

/** @param {string} room */
function floorOf(room) {
  const floor = FLOORS.findIndex((rooms) => rooms.includes(room));
  assert.ok(floor >= 0, `${room} is no room: give it a floor`);
  return floor;
}

/**
 * Return the modules that a module names, for values and for types.
 *
 * @param {string} module
 */
function importsOf(module) {
  const source = readFileSync(join(ROOT, module), "utf-8");
  const named = source.matchAll(/(?:from|import)[ (]"(\.[^"]+)"/g);
  return Array.from(named, ([, path]) => normalize(join(dirname(module), path)));
}

for (const module of MODULES) {
  test(`${module} imports from its own room and from lower floors`, () => {
    const room = roomOf(module);
    for (const imported of importsOf(module)) {
      assert.ok(MODULES.includes(imported), `there is no ${imported}`);
      const other = roomOf(imported);
      assert.ok(other === room || floorOf(other) < floorOf(room), imported);
    }
  });

  test(`${module} is no longer than 300 lines`, () => {
    assert.ok(readFileSync(join(ROOT, module), "utf-8").split("\n").length <= 301);
  });
}

test("a module that few lines make and one other uses is a part of that one", () => {
  const small = MODULES.filter((module) => readFileSync(join(ROOT, module), "utf-8").split("\n").length < 40);
  for (const module of small) {
    const users = MODULES.filter((other) => importsOf(other).includes(module));
    assert.ok(users.length > 1, `${module} has ${users.length} user`);
  }
});

test("no module imports itself through others", () => {
  const closed = new Set();
  /** @param {string} module @param {string[]} path */
  const follow = (module, path) => {
    assert.ok(!path.includes(module), [...path, module].join(" → "));
    if (closed.has(module)) return;
    for (const imported of importsOf(module)) follow(imported, [...path, module]);
    closed.add(module);
  };
  for (const module of MODULES) follow(module, []);
});

test("hosts find one file to load", () => {
  const files = readdirSync(join(ROOT, ".."), { withFileTypes: true }).filter((file) => file.isFile());
  assert.deepEqual(
    files.map(({ name }) => name),
    ["textual_inversion.mjs"],
  );
});
