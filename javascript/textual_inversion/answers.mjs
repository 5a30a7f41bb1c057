/**
 * What the API is asked and answers about prompts, and what others say of files; `api.mjs` has the rest.
 */

/** @typedef {"positive" | "negative"} Field The prompt or the negative prompt. */
/** @typedef {"object" | "style" | "negative"} Kind What an embedding is for. */

/**
 * @typedef {object} Tries What a page needs to know to let embeddings be tried.
 * @property {string | null} missing What keeps the host from painting.
 * @property {Record<string, [string, string]>} prompts The prompt and the negative prompt for each kind.
 */

/** @typedef {{id: string | null, name: string, n_vectors: number, weights: number[], caveat: string | null}} Used */
/** @typedef {{text: string, name: string, id: string}} NearMiss A word that is nearly a name. */
/** @typedef {{tokens: number, vectors: number}} ChunkUsage How many of a chunk's tokens are filled, and with vectors. */

/**
 * @typedef {object} Unavailable An embedding that the prompt names and cannot use.
 * @property {string | null} id Null where there is no such file.
 * @property {string} name
 * @property {string} reason
 * @property {boolean} partial Whether somebody can let the model use it in part.
 * @property {string | null} shadowed_by The shorter name that is used in its place.
 */

/**
 * @typedef {object} ForeignSyntax A name as another program writes it.
 * @property {string} text
 * @property {number} start In UTF-16 code units, as everywhere in a browser.
 * @property {number} end
 * @property {string} name
 * @property {string} replacement What to write instead.
 * @property {string} program
 */

/**
 * @typedef {object} Report What one prompt uses.
 * @property {Used[]} used
 * @property {Unavailable[]} unavailable
 * @property {NearMiss[]} near_misses
 * @property {ForeignSyntax[]} foreign_syntax
 * @property {ChunkUsage[]} chunks
 * @property {string | null} unread Why not all of the prompt was read; null where all of it was.
 */

/**
 * @typedef {object} Provenance How the embeddings that an infotext names differ from those here.
 * @property {{name: string, hash: string | null}[]} missing
 * @property {{name: string, hash: string, found: string}[]} different
 * @property {{name: string, now: string}[]} [renamed]
 */

/** @typedef {Record<Field, string> & {steps?: number, styles?: string[], infotext?: string}} Prompts */
/** @typedef {Record<Field, Report> & {generation: number, model: string | null, infotext?: Provenance}} Reports */

/**
 * @typedef {Member & {id: string | null, reason: string | null}} KnownMember With its file, and why it is not used.
 * @typedef {{name: string, field: Field, weight: number}} Member Of a set of names.
 */

/**
 * @typedef {object} Completion
 * @property {string} id
 * @property {string} name
 * @property {number} n_vectors
 * @property {string[]} families
 * @property {"usable" | "partial" | "incompatible" | "unknown"} fit
 * @property {Field} field
 * @property {string} insert The name as a prompt needs it.
 * @property {KnownMember[]} [members] Of a set, in whose place they are inserted.
 */

export {};

/**
 * @typedef {object} Claims What other programs and sites say of a file.
 * @property {string} tool Who says it.
 * @property {number | null} time In seconds; null where the file itself says it.
 * @property {string} title
 * @property {string} author
 * @property {string} page
 * @property {string} licence
 * @property {string} base_model
 * @property {string[]} tags
 * @property {number | null} weight
 * @property {boolean} general Whether it is for everybody.
 * @property {string} scan What a site's own scanners found in it.
 */
