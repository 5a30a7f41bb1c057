import assert from "node:assert/strict";
import { test } from "node:test";

import {
  bundledFacts,
  claimFacts,
  mainFacts,
  metadataFacts,
  valueFacts,
} from "../../../javascript/textual_inversion/cards/facts.mjs";

const HOST = { families: [{ key: "sd1", title: "SD 1.x" }] };

const DETAILS = {
  name: "marc_allante",
  path: "anime/marc_allante.bin",
  families: ["sd1"],
  vectors: { clip_l: { n_vectors: 1, hidden_size: 768, dtype: "float32" } },
  stored_name: "<marc>",
  container: "torch-zip",
  layout: "tokens",
  bytes: 3819,
  mtime: 1763820000,
  notes: "",
  description: "",
  sha256: "ab12",
  metadata: { sd_checkpoint_name: "v1-5" },
  tensors: {},
  values: { clip_l: { min: -0.0512345, max: 0.05, mean: 0.00012345, std: 0.02, norm_min: 0.5, norm_max: 0.5 } },
  health: { clip_l: "its vectors are 4.0 times as long as those of words" },
  near_words: { clip_l: "circle, ring, square" },
  bundled: {},
  twins: [],
};

function value(facts, label) {
  return facts.find((fact) => fact.label === label)?.value;
}

test("the main facts are in words, and what is not known is left out", () => {
  const facts = mainFacts(DETAILS, HOST);
  assert.equal(value(facts, "Made for"), "SD 1.x");
  assert.equal(value(facts, "Vectors"), "1 × 768 for clip_l (float32)");
  assert.equal(value(facts, "Health"), "Its vectors are 4.0 times as long as those of words");
  assert.equal(value(facts, "Nearest words of the model"), "circle, ring, square");
  assert.equal(value(facts, "Stored name"), "<marc>");
  assert.equal(value(facts, "Format"), "PyTorch (diffusers)");
  assert.equal(value(facts, "Notes"), undefined);
  assert.equal(value(facts, "Full path"), undefined);
});

test("a stored name that is the name itself is left out", () => {
  assert.equal(value(mainFacts({ ...DETAILS, stored_name: "marc_allante" }, HOST), "Stored name"), undefined);
});

test("the hash and the path can be copied", () => {
  const facts = mainFacts({ ...DETAILS, full_path: "/e/anime/marc_allante.bin" }, HOST);
  assert.deepEqual(
    facts.filter(({ copies }) => copies).map(({ label }) => label),
    ["SHA-256", "Full path"],
  );
});

test("unknown keys are shown as they are", () => {
  const facts = mainFacts(
    {
      ...DETAILS,
      families: ["sd9"],
      container: "new",
      layout: null,
      vectors: { clip_x: { n_vectors: 1000, hidden_size: 9, dtype: "float32" } },
    },
    HOST,
  );
  assert.equal(value(facts, "Made for"), "sd9");
  assert.equal(value(facts, "Format"), "new");
  assert.equal(value(facts, "Vectors"), "1,000 × 9 for clip_x (float32)");
});

test("statistics are short, and a range of one value is that value", () => {
  assert.equal(
    valueFacts(DETAILS)[0].value,
    "minimum -0.0512, maximum 0.05, mean 0.000123, standard deviation 0.02, norm 0.5",
  );
});

test("metadata and the embeddings inside a LoRA are shown by name", () => {
  assert.deepEqual(metadataFacts(DETAILS), [{ label: "sd checkpoint name", value: "v1-5" }]);
  assert.deepEqual(bundledFacts({ ...DETAILS, bundled: { emma: { clip_l: 4, clip_g: 1 } } }), [
    { label: "emma", value: "4 vectors for clip_l, 1 vector for clip_g" },
  ]);
});

test("other files with the same name are listed, and whether they are the same", () => {
  const twins = [
    { id: "1", path: "a/marc_allante.pt", same_bytes: true },
    { id: "2", path: "marc_allante.bin", same_bytes: false },
    { id: "3", path: "b/marc_allante.bin", same_bytes: null },
  ];
  assert.equal(
    value(mainFacts({ ...DETAILS, twins }, HOST), "Other files with this name"),
    "a/marc_allante.pt (same bytes)\nmarc_allante.bin (different)\nb/marc_allante.bin (not compared)",
  );
});

test("what others say is in words, with who says it, and its page can be opened", () => {
  const claims = {
    tool: "Civitai",
    time: 1763820000,
    title: "Fox v2",
    author: "ann",
    page: "https://civitai.com/models/77",
    licence: "",
    base_model: "SD 1.5",
    tags: ["animal", "pet"],
    weight: 0.85,
    general: false,
    scan: "pickle: Success",
  };
  const facts = claimFacts({ ...DETAILS, claims });
  assert.deepEqual(
    facts.map(({ label, value }) => [label, value]),
    [
      ["Title", "Fox v2"],
      ["Author", "ann"],
      ["Base model", "SD 1.5"],
      ["Tags", "animal, pet"],
      ["Weight", "0.85"],
      ["Maturity", "Adult content"],
      ["Safety scan", "pickle: Success"],
      ["Page", "https://civitai.com/models/77"],
      ["Said by", "Civitai, Nov 22, 2025"],
    ],
  );
  assert.equal(facts.find(({ label }) => label === "Page").href, claims.page);
  assert.equal(value(claimFacts({ ...DETAILS, claims: { ...claims, time: null } }), "Said by"), "Civitai");
  assert.deepEqual(claimFacts({ ...DETAILS, claims: null }), []);
});
