"""Write clip_token_ids.json: what transformers makes of some texts, as WebUIs ask it to.

    python tests/data/write_clip_token_ids.py TOKENIZER > tests/data/clip_token_ids.json

It needs transformers and ftfy; TOKENIZER is `openai/clip-vit-large-patch14` or a folder of its
tokenizer's files. The committed file was made by transformers 4.30.2 and ftfy 6.3.1.
"""

from __future__ import annotations

import json
import sys

from transformers import CLIPTokenizer

TEXTS = [
    # Names, and what stands around them.
    *("cat", "Cat", "cats", "EasyNegative", "easynegativev2", "bad-hands-5", "whatever-2000"),
    *(
        "marc_allante",
        "emb_1.5",
        "v1.",
        "foo(1)",
        "name[v2",
        "x:y",
        "a|b",
        "c++",
        "$&",
        "^.*$",
        "#1",
    ),
    *("<cat-toy>", "embedding:foo", "back\\slash", '"quoted"', "what?!", "8k", "1girl", "1,234.5"),
    # White space.
    *("", " ", "\n", "a  b", " a", "a\tb\r\nc", "a\u00a0b", "a\u3000b", "a\u200bb", "a\u2028b"),
    # Apostrophes.
    *(
        "it's",
        "IT'S",
        "we've I'll you'd they're don't I'm",
        "'s 't",
        "''s",
        "it\u2019s",
        "\u2018q\u2019",
    ),
    # What is mended before it is read.
    *("&amp;", "a &lt;b&gt; c", "&lt;b&gt; <i>", "caf\u00c3\u00a9", "\u201cq\u201d", "\ufb01re"),
    *("\uff21\uff22", "\x1b[31mred", "a\x00b", "\ufeffa", "a\u0085b", "cafe\u0301", "\u212b"),
    # Letter case.
    *("\u0130stanbul", "\u03a3\u0391\u03a3", "STRASSE stra\u00dfe", "\u01c4", "\u1e9e"),
    # Other letters, digits and signs.
    *("\u732b", "\u8ca0\u306e\u57cb\u3081\u8fbc\u307f", "\ud55c\uad6d", "\u0393\u03b5\u03b9\u03ac"),
    *("\u041f\u0440\u0438\u0432\u0435\u0442", "\u0664\u0665", "\u00bd \u2167 \u00b2", "\u20ac 5"),
    *(
        "\U0001f600",
        "\U0001f469\u200d\U0001f680",
        "a\U0001f600b",
        "\u2026 \u2014 ...",
        "!!! --- ,,",
    ),
    *("\u0301mark", "a\u0345b", "\u0345", "\ufffd", "a\udc80"),
    # Words of the tokenizer's own.
    *("<|startoftext|>", "a <|endoftext|> b", "a<|endoftext|>&amp;", "a</w>b"),
    # Prompts.
    "a photo of marc_allante, (masterpiece:1.2), best quality, 8k uhd, by greg rutkowski",
    "lowres, bad anatomy, bad hands, text, error, missing fingers, extra digit, jpeg artifacts",
    "An oil painting of an astronaut on a horse, in the style of Hokusai \u2014 highly detailed",
]


def main() -> None:
    """Print the texts with their ids, one on each line."""
    tokenizer = CLIPTokenizer.from_pretrained(sys.argv[1])
    ids = tokenizer(TEXTS, truncation=False, add_special_tokens=False)["input_ids"]
    rows = [f"  {json.dumps(text)}: {known}" for text, known in zip(TEXTS, ids, strict=True)]
    print("{", ",\n".join(rows), "}", sep="\n")


if __name__ == "__main__":
    main()
