"""Writes golden tokens of VITS's text: what transformers' VitsTokenizer makes of sentences, of characters and of phonemes.

    python scripts/vits/make_tokens.py     -> test/golden/vits-text/tokens.json

The phonemes of the second kind come from espeak-ng through Python's phonemizer. They are written down stretch by stretch,
so that the tests of what is done with them need no espeak-ng of the same version.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import string
import tempfile
from pathlib import Path

import espeakng_loader
import phonemizer
from phonemizer.backend.espeak.wrapper import EspeakWrapper
from phonemizer.punctuation import Punctuation
from transformers import VitsTokenizer

ROOT = Path(__file__).parents[2]

CHARACTERS = {symbol: number for number, symbol in enumerate("k'z-abcdefghijlmnopqrstuvwxy 016ţü") if symbol}
"""A vocabulary as MMS has them: the first symbol is the blank too, and marks are left out but for two."""

TEXTS = [
    "Hello world",
    "Hello, World! It's 3 o'clock - isn't it?",
    "  Spaces   and\ttabs ",
    "Ünder größe",
    "Țara",
    "...",
    "a",
]

SENTENCES = [
    "Hello, world! It's 3 o'clock. Is it?",
    'The quick brown fox jumps; over the "lazy" dog...',
    "Wait — what?! Really",
    "Dr. Smith grew by 3.5 percent, no more.",
    "It was 1. 2 came later .5",
    "One two three",
    "¿Yes? «No»: “maybe”",
    "She said: read the book, then re-read it.",
    "In the beginning there was a sound, and the sound was a wave.",
    "Numbers like 1984 and 3,000 are spoken in words.",
    "I can't believe you've done this!",
]


def original_vocabulary() -> dict[str, int]:
    """The symbols of the original's English models."""
    ipa = (
        "ɑɐɒæɓʙβɔɕçɗɖðʤəɘɚɛɜɝɞɟʄɡɠɢʛɦɧħɥʜɨɪʝɭɬɫɮʟɱɯɰŋɳɲɴøɵɸθœɶʘɹɺɾɻʀʁɽʂʃʈʧʉʊʋⱱʌɣɤʍχʎʏʑʐʒʔʡʕʢǀǁǂǃ"
        "ˈˌːˑʼʴʰʱʲʷˠˤ˞↓↑→↗↘'\u0329'ᵻ"
    )
    return {
        symbol: number
        for number, symbol in enumerate(
            "_" + ';:,.!?¡¿—…"«»“” ' + string.ascii_uppercase + string.ascii_lowercase + ipa
        )
    }


def tokenizer(vocabulary: dict[str, int], **options: object) -> VitsTokenizer:
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        json.dump(vocabulary, file)
    blank = next(symbol for symbol, number in vocabulary.items() if number == 0)
    made = VitsTokenizer(file.name, pad_token=blank, unk_token=blank, **options)
    os.unlink(file.name)
    return made


def phonemes(text: str) -> str:
    return phonemizer.phonemize(
        text, language="en-us", backend="espeak", strip=True, preserve_punctuation=True, with_stress=True
    )


def main() -> None:
    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    characters = {language: tokenizer(CHARACTERS, phonemize=False, language=language) for language in ("eng", "ron")}
    bare = tokenizer(CHARACTERS, phonemize=False, add_blank=False)
    spoken = tokenizer(original_vocabulary(), normalize=False, phonemize=True)
    stretches = {part.strip() for part in Punctuation().preserve(SENTENCES)[0]}
    golden = {
        "generator": "scripts/vits/make_tokens.py",
        "versions": {
            name: importlib.metadata.version(name) for name in ("transformers", "phonemizer", "espeakng-loader")
        },
        "vocabulary": CHARACTERS,
        "characters": [
            {"text": text, "language": language, "symbols": made(text)["input_ids"]}
            for language, made in characters.items()
            for text in TEXTS
        ],
        "withoutBlanks": [{"text": text, "symbols": bare(text)["input_ids"]} for text in TEXTS],
        "stretches": {stretch: phonemes(stretch) for stretch in sorted(stretches)},
        "phonemes": [{"text": text, "symbols": spoken(text)["input_ids"]} for text in SENTENCES],
    }
    folder = ROOT / "test/golden/vits-text"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokens.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
