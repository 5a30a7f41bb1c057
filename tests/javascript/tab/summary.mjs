/** What the API returns for an empty library. */
const NONE = {
  ok: 0,
  duplicate: 0,
  broken: 0,
  unsafe: 0,
  foreign: 0,
  usable: 0,
  partial: 0,
  incompatible: 0,
  unknown: 0,
  favourite: 0,
  all: 0,
};
const STATES = ["ok", "duplicate", "broken", "unsafe", "foreign"];

export const QUERY = /** @type {const} */ ({ filter: "usable", text: "", folder: "", family: "" });

export function summary(counts, rest = {}) {
  return {
    generation: 1,
    model: "sdxl",
    model_title: "SDXL",
    by_family: null,
    roots: ["/e"],
    missing_roots: [],
    total: 0,
    folder: null,
    progress: null,
    counts: { ...NONE, all: sumOf(counts), ...counts },
    families: {},
    found: NONE,
    ...rest,
  };
}

/** Return how many files there are, where each stands for itself. */
function sumOf(counts) {
  return STATES.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
}
