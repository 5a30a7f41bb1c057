"""Words for prompts as people write them, and how each kind of writer combines them."""

from __future__ import annotations

import random
from collections.abc import Callable

_ADJECTIVES = (
    "ancient", "beautiful", "broken", "colorful", "crimson", "cute", "dark", "elegant",
    "enchanted", "feathered", "frozen", "futuristic", "gigantic", "golden", "haunted", "lonely",
    "majestic", "mechanical", "mysterious", "overgrown", "pastel", "rusty", "serene", "tiny",
    "translucent", "vibrant", "weathered", "whimsical",
)  # fmt: skip
_SUBJECTS = (
    "astronaut", "badger", "barbarian", "cat", "clockwork dragon", "cyborg", "dancer", "druid",
    "elderly fisherman", "fox", "girl with a pearl earring", "goblin merchant", "kitsune",
    "knight", "lighthouse", "magical girl", "monster girl", "owl", "pirate queen",
    "plague doctor", "robot", "samurai", "steam locomotive", "supergirl", "tortoise",
    "vampire countess", "wolf", "wizard",
)  # fmt: skip
_PLACES = (
    "a bamboo forest", "a bustling night market", "a cathedral of glass", "a dense forest",
    "a floating island", "a gothic library", "a neon-lit alley", "a rainy street",
    "a ruined castle", "a tropical island", "a wheat field at dusk", "an abandoned factory",
    "an infinite desert", "outer space", "the Arctic", "Victorian London",
)  # fmt: skip
_DOINGS = (
    "drinking tea", "holding a lantern", "looking at the viewer", "playing the cello",
    "reading a map", "riding a bicycle", "sleeping", "standing in the rain", "walking away",
    "wearing a blue scarf",
)  # fmt: skip
_STYLES = (
    "anime style", "art nouveau", "baroque", "chiaroscuro", "claymation", "comic book",
    "concept art", "cyberpunk", "dark fantasy", "digital painting", "film noir", "flat design",
    "gouache", "graffiti", "impasto", "ink sketch", "isometric", "line art", "low poly",
    "manga style", "matte painting", "negative space", "oil on canvas", "paper cut", "pixel art",
    "steampunk", "synthwave", "ukiyo-e", "vaporwave", "watercolor", "woodcut",
)  # fmt: skip
_ARTISTS = (
    "Albrecht Dürer", "Alphonse Mucha", "Artemisia Gentileschi", "Caspar David Friedrich",
    "Claude Monet", "Edward Hopper", "Gustav Klimt", "Hieronymus Bosch", "Hokusai",
    "Ivan Aivazovsky", "John Singer Sargent", "Rembrandt", "Vincent van Gogh", "William Turner",
)  # fmt: skip
_QUALITY = (
    "8k", "absurdres", "award winning", "best quality", "cinematic lighting", "depth of field",
    "hdr", "highly detailed", "highres", "intricate details", "masterpiece", "octane render",
    "photorealistic", "ray tracing", "sharp focus", "subsurface scattering",
    "trending on artstation", "ultra-detailed", "unreal engine 5", "volumetric light",
    "vivid colors",
)  # fmt: skip
_TAGS = (
    "1boy", "1girl", "2girls", "ahoge", "bangs", "black hair", "blue eyes", "blush", "braid",
    "cat ears", "cherry blossoms", "cowboy shot", "full body", "green eyes", "hair ornament",
    "hair_ribbon", "halo", "hooded cloak", "long sleeves", "looking_back", "multicolored hair",
    "open mouth", "outdoors", "parted lips", "pleated skirt", "school uniform", "silver hair",
    "simple background", "smile", "solo", "thighhighs", "twintails", "upper body",
    "very long hair", "white background",
)  # fmt: skip
_CAMERAS = (
    "35mm", "50mm f/1.4", "85mm lens", "Canon EOS 5D", "DSLR", "Fujifilm XT3", "Hasselblad 500C",
    "ISO 200", "Kodak Portra 400", "Leica M6", "Polaroid", "Sony A7R IV", "bokeh", "film grain",
    "film negative", "golden hour", "long exposure", "macro shot", "rule of thirds",
    "shot from below", "soft focus",
)  # fmt: skip
_FAULTS = (
    "amputation", "artist name", "bad anatomy", "bad art", "bad composition", "bad feet",
    "bad hands", "bad proportions", "bad quality", "black and white", "blurry", "cloned face",
    "cropped", "deformed", "disfigured", "disconnected limbs", "distorted", "duplicate", "error",
    "extra digit", "extra fingers", "extra limbs", "fewer digits", "floating limbs",
    "fused fingers", "grainy", "grayscale", "gross proportions", "jpeg artifacts", "logo",
    "long neck", "low quality", "low-res", "lowres", "malformed hands", "missing arms",
    "missing fingers", "monochrome", "mutated hands", "mutation", "normal quality",
    "out of focus", "out of frame", "oversaturated", "poorly drawn face", "poorly drawn hands",
    "signature", "text", "too many fingers", "ugly", "username", "watermark", "worst quality",
)  # fmt: skip


def _tags(rng: random.Random) -> str:
    words = [*rng.sample(_QUALITY, 3), *rng.sample(_TAGS, 12), rng.choice(_SUBJECTS)]
    return ", ".join(_weighed(rng, word) for word in words)


def _prose(rng: random.Random) -> str:
    one, other = (f"{rng.choice(_ADJECTIVES)} {subject}" for subject in rng.sample(_SUBJECTS, 2))
    doing, other_doing = rng.sample(_DOINGS, 2)
    style = rng.choice(_STYLES).title()
    return (
        f"A {one} is {doing} in {rng.choice(_PLACES)}, while a {other} is {other_doing}. {style}."
    )


def _artists(rng: random.Random) -> str:
    painters, styles = rng.sample(_ARTISTS, 2), rng.sample(_STYLES, 3)
    return (
        f"portrait of a {rng.choice(_ADJECTIVES)} {rng.choice(_SUBJECTS)}, {', '.join(styles)}, "
        f"by {' and '.join(painters)}, {', '.join(rng.sample(_QUALITY, 4))}"
    )


def _photographers(rng: random.Random) -> str:
    words = [rng.choice(_PLACES), rng.choice(_DOINGS), *rng.sample(_CAMERAS, 5)]
    return f"photo of a {rng.choice(_ADJECTIVES)} {rng.choice(_SUBJECTS)}, {', '.join(words)}"


def _negative(rng: random.Random) -> str:
    return ", ".join(_weighed(rng, word) for word in rng.sample(_FAULTS, 20))


def _weighed(rng: random.Random, word: str) -> str:
    return rng.choice([*[word] * 6, f"({word})", f"({word}:1.{rng.randrange(1, 5)})", f"[{word}]"])


# Kind of writer -> function that makes one of their prompts.
WRITERS: dict[str, Callable[[random.Random], str]] = {
    "taggers": _tags,
    "storytellers": _prose,
    "art lovers": _artists,
    "photographers": _photographers,
    "negative prompts": _negative,
}
