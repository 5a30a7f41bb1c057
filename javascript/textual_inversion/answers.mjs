/**
 * The API's requests and answers: the types of `docs/api.md`.
 */

/** @typedef {"positive" | "negative"} Field The prompt or the negative prompt. */
/** @typedef {"object" | "style" | "negative"} Kind What an embedding is for. */

/**
 * @typedef {object} Tries What a page needs to know so that people can try embeddings.
 * @property {string | null} missing What keeps the host from painting.
 * @property {Record<string, [string, string]>} prompts The prompt and the negative prompt for each kind.
 */

/** @typedef {{id: string | null, name: string, n_vectors: number, weights: number[], caveat: string | null}} Used */
/** @typedef {{text: string, name: string, id: string}} NearMiss A word that is nearly a name. */
/** @typedef {{tokens: number, vectors: number}} ChunkUsage How many of a chunk's tokens are filled, and how
many with vectors. */

/**
 * @typedef {object} Unavailable An embedding that the prompt names and cannot use.
 * @property {string | null} id Null where there is no such file.
 * @property {string} name
 * @property {string} reason
 * @property {boolean} partial Whether people may let the model use it in part.
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
 * @property {string | null} unread Why part of the prompt was not read; null where all of it was.
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
 * @typedef {Member & {id: string | null, reason: string | null}} KnownMember Also with its file, and why it is
 *   not used.
 * @typedef {{name: string, field: Field, weight: number}} Member Of a set of names.
 */

/**
 * @typedef {object} Completion
 * @property {string} id
 * @property {string} name
 * @property {number} n_vectors
 * @property {string[]} families
 * @property {Fit} fit
 * @property {Field} field
 * @property {string} insert The name as a prompt needs it.
 * @property {string | null} [preview] A word that changes when its picture does; null without one for everybody.
 * @property {KnownMember[]} [members] Of a set; they are inserted in its place.
 */

/**
 * @typedef {object} Claims What other programs and sites say of a file.
 * @property {string} tool Who says so.
 * @property {number | null} time In seconds; null where the file itself says so.
 * @property {string} title
 * @property {string} author
 * @property {string} page
 * @property {string} licence
 * @property {string} base_model
 * @property {string[]} tags
 * @property {number | null} weight
 * @property {boolean} general Whether it is suitable for everybody.
 * @property {string} scan The result of a site's own scanners.
 */

/** @typedef {"ok" | "duplicate" | "broken" | "unsafe" | "foreign"} State */
/** @typedef {"usable" | "partial" | "incompatible" | "unknown"} Fit */
/** @typedef {Record<State | Fit | "favourite" | "hidden" | "all", number>} Counts In `all`, a file and its
duplicates count as one. */
/** @typedef {{n_vectors: number, hidden_size: number, dtype: string}} VectorsInfo */
/** @typedef {{id: string, title: string, depth: number, count: number}} Folder */
/** @typedef {Folder & {found: number}} FoundFolder Also with the number of entries that a click on it shows. */
/** @typedef {{key: string, title: string}} Family */

/**
 * @typedef {object} Limits
 * @property {number} prompt_characters In a prompt that gets a report.
 * @property {number} chunk_tokens That a text encoder reads at once.
 * @property {number} steps Of a picture.
 * @property {number} page Entries in one answer.
 * @property {number} completions In one answer.
 * @property {number} ids In one request.
 * @property {number} file_bytes Of a file that is added.
 */

/**
 * @typedef {object} Host Facts that the page asks for once, at its start.
 * @property {string} host
 * @property {string | null} version
 * @property {string[]} tabs Those with prompt fields.
 * @property {string} separator Text between names.
 * @property {boolean} may_reveal Whether it may show a file in its folder.
 * @property {boolean} may_learn Whether this page may learn words.
 * @property {boolean} may_change_files Whether this page may rename, move, delete and add files.
 * @property {Tries | null} tries Null where this page may try nothing.
 * @property {Searchable[]} searchable Sites where embeddings can be searched for; empty where this page may get
 *   none.
 * @property {string[]} endings Those of the files that may be added.
 * @property {string[]} endings_beside Those of the files that may lie beside one of them.
 * @property {Family[]} families
 * @property {Limits} limits
 */

/** @typedef {{key: string, title: string, sorts: string[], families: boolean}} Searchable */
/** @typedef {{id: string, path: string, same_bytes: boolean | null, is_grouped: boolean}} Twin Another file with the same name. */

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} name
 * @property {string} path Relative to its root.
 * @property {State} state
 * @property {Fit | null} fit
 * @property {string | null} reason
 * @property {string | null} container
 * @property {string | null} layout
 * @property {string | null} stored_name
 * @property {string[]} families
 * @property {Record<string, VectorsInfo>} vectors
 * @property {number} bytes
 * @property {string[]} warnings
 * @property {string | null} proposal A better name.
 * @property {number} n_vectors
 * @property {number} mtime In seconds.
 * @property {string} folder
 * @property {Twin[]} twins
 * @property {string | null} preview A word that changes with the picture; null without one.
 * @property {string | null} video The same for a video.
 * @property {string | null} examples The same for the pictures that it was learned from.
 * @property {string} notes
 * @property {string} description
 * @property {string} trigger_words
 * @property {boolean} favourite
 * @property {boolean} use_partial
 * @property {boolean} hidden
 * @property {Field} field Where the name belongs.
 * @property {Field | null} chosen_field Null where nobody chose; the name decides then.
 * @property {Claims | null} claims Null where nobody says anything.
 */

/** @typedef {Record<"notes" | "description" | "trigger_words", string>} Texts The texts that somebody wrote
beside a file. */

/**
 * @typedef {object} Inside Facts that are known only after the file was opened.
 * @property {Kind} kind What it is for.
 * @property {Texts} texts As they are written.
 * @property {string | null} sha256
 * @property {Record<string, string | number>} metadata
 * @property {Record<string, string>} tensors
 * @property {Record<string, Record<string, number>>} values
 * @property {Record<string, string>} health How its vectors compare with those of words, by text encoder.
 * @property {Record<string, string>} near_words Words of the painting model, where it is loaded.
 * @property {Record<string, Record<string, number>>} bundled
 * @property {string} [full_path] Only for clients on the same machine.
 */
/** @typedef {Entry & Inside} Details */
/**
 * @typedef {object} LibrarySummary Facts about the whole library, whatever page was asked for.
 * @property {number} generation
 * @property {string | null} model
 * @property {string | null} model_title
 * @property {string | null} by_family How many are for each family; null where a model is active.
 * @property {string[]} roots
 * @property {string[]} missing_roots Those that are not there now.
 * @property {Counts} counts
 * @property {Record<string, number>} families How many entries each model family can use; no key means none.
 * @property {Folder | null} folder The one that was asked for, or else the first root.
 * @property {Counts} found How many of each kind a click on its filter would show.
 * @property {number} total How many entries pass the filters.
 * @property {{read: number, total: number} | null} progress Of the scan that reads files now; null where none does.
 */
/** @typedef {LibrarySummary & {entries: Entry[]}} ResultPage */
/** @typedef {{generation: number, added: number, modified: number, deleted: number}} Changes */
/** @typedef {Record<string, string | number>} Parameters */
/** @typedef {{favourite?: boolean, use_partial?: boolean, hidden?: boolean, field?: Field | "auto"}} EntryChoices */

/** @typedef {{id: string, name: string, path: string, deleted: number, bytes: number}} Trashed A file in the trash. */
/** @typedef {{total: number, bytes: number, items: Trashed[]}} Trash Only with the newest items. */

export {};
