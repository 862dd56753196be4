"""Phonemes -> symbols, as codecs/vits/tokenizer.ts makes them at inference.

The phonemes come from `scripts/vits/phonemize.ts`, which runs the same code.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

BLANK = "_"
STAND_INS = {"?": ".", "!": ".", "…": ".", ":": ",", ";": ",", "—": ","}
"""Marks that a corpus may have too few of to learn them: they share the number of another one."""


def read_phonemes(path: Path) -> dict[str, str]:
    """Phonemes of each file, from the table with the columns `file` and `phonemes`."""
    with path.open(newline="") as file:
        return {row["file"]: row["phonemes"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}


def build_vocabulary(texts: Iterable[str]) -> dict[str, int]:
    """Numbers of all symbols of the texts, the blank's is 0; and of the marks that others stand in for."""
    symbols = {STAND_INS.get(symbol, symbol) for text in texts for symbol in text} | set(STAND_INS.values())
    vocabulary = {symbol: number for number, symbol in enumerate([BLANK, *sorted(symbols)])}
    return vocabulary | {mark: vocabulary[other] for mark, other in STAND_INS.items()}


def num_symbols(vocabulary: dict[str, int]) -> int:
    """Rows of the embedding."""
    return max(vocabulary.values()) + 1


def to_symbols(phonemes: str, vocabulary: dict[str, int]) -> list[int]:
    """One symbol each; what the vocabulary does not have is left out.

    The paper has a blank between any two. Marks of stress and length are symbols, too, and at 62.5 frames a second fast
    speech would have fewer frames than symbols.
    """
    return [vocabulary[phoneme] for phoneme in phonemes if phoneme in vocabulary]
