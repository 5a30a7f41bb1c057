"""The bounds on what a file, a prompt or a site may make us do, each with its reason.

Together they hold the cost of any one file under 64 MB of memory and a second of work, whatever its
size: `python -m benchmarks.hostile` measures it. Large previews alone may cost 128 MB, two at once.
What a file or a prompt may cost is counted in what is made (bytes, values, calls), never in time,
so that a slow computer reads what a fast one reads. Seconds bound only what others do, such as
sites and disks, and how long things are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from lib_embeddings.errors import LimitExceeded

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """One bound a field. All are far above real embeddings and far below harm."""

    # The disk

    # A call that a local disk answers takes microseconds; one to a share takes at least this long.
    slow_call_seconds: float = 0.0005
    # Asked for many things at once, a share answers nearly as many times as fast.
    slow_calls: int = 32

    # The file

    # 75 vectors of clip_l in float32 are 225 KiB: nearly every embedding arrives in one read.
    head_bytes: int = 256 * KIB
    # What is read at first of a file whose name does not say that it is an embedding.
    first_bytes: int = KIB
    # Such a file is not opened if it is smaller than one vector, or larger than 512 of t5xxl.
    misnamed_bytes: tuple[int, int] = (KIB, 16 * MIB)
    # What a site answers instead of a file is a line or two, or a page of JSON around them.
    answer_bytes: int = 16 * KIB
    # Header, pickle and vectors of the largest embedding, read twice over. Its file has no more
    # than that, whatever else is in it.
    read_bytes: int = 64 * MIB

    # Safetensors

    # SDXL checkpoints have 0.4 MB of header; trainers add a few MB of tag statistics to LoRAs. In
    # memory a header may take nine times its bytes.
    header_bytes: int = 6 * MIB

    # Zip archives

    # A torch archive has one member a tensor and five more; a directory record is about 80 bytes.
    zip_directory_bytes: int = 2 * MIB
    # `little` or `big`.
    byteorder_bytes: int = 64
    # A packed storage is unpacked whole: 512 vectors of t5xxl in float32 are 8 MiB.
    packed_bytes: int = 8 * MIB
    # What all members of an archive unpack to, however often they are asked for.
    unpacked_bytes: int = 48 * MIB

    # Pickles

    # The largest checkpoint's pickle is about 2 MB; text may take four times its bytes in memory.
    pickle_bytes: int = 6 * MIB
    # 2,600 tensors take about 90,000 opcodes, an optimizer's state of SDXL 180,000. At 100 bytes
    # for the dearest object an opcode can make, the bound keeps a hostile pickle under 32 MB.
    pickle_opcodes: int = 300_000
    # Text opcodes carry numbers in decimal, which cost more than linear time to read.
    pickle_line_bytes: int = KIB
    # numpy's random states are 17 bytes long; a longer number only serves to stall its printing.
    pickle_number_bytes: int = 64
    # The longest call in a torch pickle, of _rebuild_tensor_v3, has seven arguments.
    pickle_arguments: int = 32
    # What stand-ins copy, all calls of a pickle together, in bytes: an OrderedDict of 15,000 names
    # is 1.5 MB, 512 vectors of clip_g as text are 2.6 MB.
    pickle_copied: int = 8 * MIB
    # An optimizer's state has a number for each parameter: a checkpoint has under 6,000.
    pickle_number_keys: int = 16_384

    # The tree of what a file holds

    # A real file nests four deep (ParameterDict in a state in a dict).
    nesting: int = 32
    # Every tensor of a full SDXL checkpoint with its training copy is named in under 6,000.
    tensors: int = 15_000
    # What is shown of one part of a name: models' parts have under 40 characters.
    name_part_characters: int = 200
    # The names of those tensors, with their paths: 6,000 of 100 characters are 0.6 million.
    name_characters: int = 2_000_000
    # numpy's own bound since 2.0.
    dimensions: int = 64
    # 512 vectors are seven full prompt chunks; more is a token table or a model's layer.
    vectors: int = 512
    # 512 vectors of t5xxl in float64 are 16 MiB.
    tensor_bytes: int = 16 * MIB

    # JSON

    # Values in one text: the rows of 15,000 tensors have 11 each, 75 vectors of 2,048 numbers are
    # 153,600. An empty value is dearer than its text by thirty times.
    json_values: int = 170_000
    # 64 bits have 20; beyond a few hundred no float is left either.
    json_digits: int = 400

    # Pictures that hold an embedding

    # A 512-pixel picture with strips has 0.3 megapixels, one of 1024 pixels with 16 vectors 1.5. In
    # memory a pixel takes about twenty bytes.
    picture_pixels: int = 2 * MIB
    # Two megapixels of colour, not packed at all.
    picture_bytes: int = 6 * MIB
    # JSON text of 75 vectors of 2048 numbers is 3.4 MB.
    inflated_bytes: int = 4 * MIB
    # The base64 text of that JSON in a PNG chunk.
    text_chunk_bytes: int = 6 * MIB
    # Ancillary PNG chunks before the picture: real files have fewer than twenty.
    png_chunks: int = 4096
    # Chunks before the pixels of a WebP: its size, a colour profile, a few that no program writes.
    webp_chunks: int = 16

    # What lies beside an embedding

    # What decoding a preview takes beside its bytes, by its format's `BYTES_A_PIXEL`: 16 megapixels
    # of PNG, 8 of WebP, whose decoder keeps the picture four times. No page shows more.
    preview_memory: int = 128 * MIB
    # A PNG of so many pixels has less, unless nobody packed it.
    preview_bytes: int = 32 * MIB
    # A JPEG is decoded in part, and larger for that reason. Cameras take 24 million.
    photo_pixels: int = 32 * MIB
    # Each goes over all of those pixels, in 10 ms. Progressive JPEGs have about ten.
    photo_scans: int = 64
    # What a new preview replaced is kept for a day.
    undo_seconds: float = 86_400.0
    # A draft beside an embedding is written in less; an older one was left by a process that died.
    unfinished_seconds: float = 3600.0
    # As wide as cards and details show a picture; 32 pixels are the least that shows anything.
    preview_widths: tuple[int, int] = (32, 1024)
    # A page asks for a hundred previews at once.
    previews_at_once: int = 2
    # 10,000 thumbnails of 256 pixels are about 100 MB.
    thumbnail_bytes: int = 256 * MIB
    # What sites tell of a model with all its versions comes to a few hundred KB.
    sidecar_bytes: int = 4 * MIB
    # What is shown of notes, and of a description: few have 2,000.
    text_characters: int = 100_000
    # What is kept of a list of tags or trigger words: sites show up to thirty.
    claimed_tags: int = 64
    # Embeddings whose texts are remembered.
    remembered_texts: int = 20_000

    # Searches

    # What is looked for, word by word, in all that is known of every file: 128 words take half a
    # second in 10,000. A hash has 64 characters.
    query_characters: int = 256

    # Prompts. A report is made at every key, so that all of one together may take 50 ms.

    # Of one prompt in a request. CLIP's tokens of so many fill more than fifty chunks.
    prompt_characters: int = 20_000
    # Two prompts with every character written out, and an infotext.
    prompts_bytes: int = MIB
    # Samplers take far fewer; an alternation has another text at each.
    prompt_steps: int = 1_000
    # The cost of what is read of a prompt, in letters: see `prompts/grammar.py`.
    prompt_cost: int = 20_000
    # The cost of all the texts that it has at some step: of forty with 1,000 characters.
    scheduled_cost: int = 60_000
    # Words of one prompt that are compared with names; a page of prose has 300 different ones.
    compared_words: int = 500
    # The cost of a word grows with the square of its length. Nobody typed a longer one than in any
    # name; it is cut, though a host would not.
    word_bytes: int = 128
    # Words whose tokens and near names are remembered: a few MB.
    remembered_words: int = 32_768
    # One infotext. A1111 writes a few KB; a workflow of ComfyUI is not read.
    infotext_bytes: int = 64 * KIB
    # Infotexts whose embeddings are remembered: of the last few pictures that were pasted.
    remembered_infotexts: int = 16
    # Embeddings that an infotext names: prompts have at most dozens.
    infotext_embeddings: int = 256

    # Pictures that are painted, and words that are learned of some

    # Rows of a labelled picture.
    compared_seeds: int = 100
    # What a page may ask for at once, and the sides of its pictures, in pixels.
    tried_pictures: int = 100
    painted_sides: tuple[int, int] = (32, 2048)
    # Of embeddings that got no preview, those that are named.
    skipped_previews: int = 20
    # A word that takes more than a tenth of a prompt's 75 tokens leaves too little room for others.
    learned_vectors: int = 8
    # A word is learned after some hundred steps of a few pictures.
    learning_steps: int = 100_000
    learning_batch: int = 64
    # A camera's largest picture, of which a square is cut.
    learning_pixels: int = 100_000_000
    # A side of what is kept of one: models of SDXL paint 1,024 pixels.
    learning_side: int = 1024
    # The file of one, and those that a page has sent and nobody learned from yet.
    learning_picture_bytes: int = 64 * MIB
    waiting_pictures_bytes: int = 1024 * MIB
    # A lesson of a hundred pictures with every character of their texts written out.
    lesson_bytes: int = 2 * MIB
    # The text encoder reads some hundred.
    caption_characters: int = 2_000
    # Beyond that a name is noise.
    compared_weight: float = 10.0

    # Sets

    # What a button shows of a set's name, and twice as much.
    set_characters: int = 60
    # Hosts take any number; beyond a few a picture is noise.
    set_weight: float = 100.0
    # A prompt of more names would be cut by every host.
    set_members: int = 256

    # Requests

    # A choice or a new name; what is longer was not written by our page.
    body_bytes: int = 4 * KIB
    # Entries in one request, and their ids of sixteen letters.
    ids: int = 10_000
    ids_bytes: int = 256 * KIB
    # A set with all its members; names have up to 255 bytes.
    set_bytes: int = 256 * KIB
    # The digits of a number in an address, and the largest that has so many.
    number_digits: int = 39
    # Entries in one answer, each of about 1 KB.
    page_entries: int = 1_000
    # Names in one answer; a list shows ten.
    completions: int = 100
    # Prompts of one generation that a WebUI's console is told of: they differ in few words.
    reported_prompts: int = 20
    # No file name is longer, on most systems.
    filename_bytes: int = 255

    # Sites

    # A hundred versions on Civitai with the settings of their pictures are 1 to 3 MB.
    document_bytes: int = 8 * MIB
    # Why a site refuses is a line of JSON; what comes after that is not read.
    refusal_bytes: int = 16 * KIB
    # A file that holds one word, as `token_identifier.txt`.
    word_file_bytes: int = KIB
    # Files that a page sends in one request; its own are smaller.
    arrival_bytes: int = 256 * MIB
    # As much as our reader would read of it.
    download_bytes: int = 64 * MIB
    # Sites name sizes in KB, sometimes rounded.
    size_tolerance: int = KIB
    # To be connected, and for the next bytes to come.
    silence_seconds: float = 20.0
    # For a whole answer, and for a whole download, redirects included.
    answer_seconds: float = 60.0
    download_seconds: float = 600.0
    # A connection that breaks is made again, and goes on where it broke.
    download_tries: int = 3
    # What has arrived of a download that broke off, for the next try; pictures for the next lesson.
    kept_seconds: float = 86_400.0
    # A repository that was renamed, and from there to where its large files lie.
    redirects: int = 5
    # What Civitai takes in one request: `model-versions/by-hash/ids` and `model-versions/by-hash`.
    hashes_a_request: int = 10_000
    versions_a_request: int = 100
    # What Civitai did not know is asked for again after a month; so many files, of 90 bytes each.
    unknown_seconds: float = 30 * 86_400.0
    unknown_files: int = 50_000
    # What Civitai and Hugging Face return at once at most.
    found_at_once: int = 100
    # Of a file in a repository of which nobody said that it is an embedding: 512 vectors of clip_l
    # and clip_g in float32 are 4 MiB. Larger ones come by their own links.
    candidate_bytes: int = 5 * MIB
    # Of the files in a repository, 100 a page when what its scanners say is also asked for.
    repository_pages: int = 20
    # Files that one reference brings: collections have up to dozens.
    offered_files: int = 50
    # Embeddings that the settings of one picture name.
    picture_embeddings: int = 20
    # Repositories that one page of the Concept Library's list has, and pages: it has about 1,500.
    concepts_a_page: int = 1_000
    concept_pages: int = 20
    # Pictures that a concept was taught with: it has three to five. In one row each is a square.
    examples: int = 6
    example_pixels: int = 256
    # After so long the list is asked for again.
    concepts_seconds: float = 86_400.0
    # What searches found and a page may still ask about: the last thousands of cards.
    known_offers: int = 4_096

    # Jobs

    # Sites count what comes from one address; more at once are hardly faster.
    jobs_at_once: int = 3
    # What somebody pasted at once, and how many of those that ended are still shown.
    open_jobs: int = 500
    ended_jobs: int = 100
    # What all of them keep to be looked at: two hundred PNGs of 768 pixels.
    job_pictures_bytes: int = 256 * MIB
    # Links and names that one request brings, and a question's answer.
    reference_characters: int = 2_000


LIMITS = Limits()

# Work that is repeated, such as scans without events, takes at most a tenth of the time, however
# slow the disk.
REST = 10


def at_most(allowed: int, found: int, limit: str) -> None:
    """Raise `LimitExceeded` when *found* is above *allowed*; *limit* is what they count."""
    if found > allowed:
        raise LimitExceeded(limit, allowed, found)
