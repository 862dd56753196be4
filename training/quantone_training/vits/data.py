"""One voice's recordings with their phonemes -> batches of utterances of like length.

Sentences that the model is judged by are held out by a fixed rule, with every other reading of the same words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
import torch

from ..data import normalize_peak, recordings, to_mono
from .text import build_vocabulary, to_symbols

HELD_OUT = re.compile(r"arctic-(a0002|a0376|b0219|[ab]\d\d[05]3)-")
"""Of the voice's CMU Arctic sentences: those of the evaluation clips, and each whose number ends in 03 or 53."""

HELD_OUT_EVERY = 40
"""In a corpus of other sentences, every so many of them is held out."""


@dataclass(frozen=True)
class Utterance:
    """A recording of whole frames, int16 [T], and the symbols of its text."""

    name: str
    samples: np.ndarray
    symbols: list[int]

    def num_frames(self, hop_length: int) -> int:
        return len(self.samples) // hop_length


@dataclass(frozen=True)
class Voice:
    """Everything that one run learns from, and is judged by."""

    vocabulary: dict[str, int]
    training: list[Utterance]
    held_out: list[Utterance]


@dataclass
class Batch:
    """Utterances, padded to the longest with blanks and zeros."""

    symbols: torch.Tensor
    """[B, S]"""
    symbol_counts: torch.Tensor
    samples: torch.Tensor
    """[B, T] float32 in [-1, 1]"""
    frame_counts: torch.Tensor

    @property
    def num_frames(self) -> int:
        return int(self.frame_counts.max())


def decode_voice(folder: Path, source: str, sample_rate: int, excludes: Iterable[str] = ()) -> dict[str, np.ndarray]:
    """Every recording of the folder, and of .tar archives in it, whose name begins so: int16 [T] each, by its name.

    Files that cannot be read are named and passed over.

    Raises
    ------
    FileNotFoundError
        When there is none.
    """
    decoded: dict[str, np.ndarray] = {}
    for name, recording in recordings(folder, excludes):
        if name.startswith(source):
            try:
                samples, rate = sf.read(recording, dtype="float32")
            except sf.LibsndfileError as error:
                print(f"passed over {name}: {error}", flush=True)
                continue
            decoded[name] = normalize_peak(to_mono(samples, rate, sample_rate))
    if not decoded:
        raise FileNotFoundError(f'no recording in {folder} has a name that begins with "{source}"; see --source')
    return decoded


def load_recordings(
    folder: Path | None, source: str, cache: Path, sample_rate: int, excludes: Iterable[str] = ()
) -> dict[str, np.ndarray]:
    """The recordings from `cache`, an .npz file, decoding the folder first when it does not exist.

    Raises
    ------
    FileNotFoundError
        When there is neither a cache nor a folder, or no recording of the source in it.
    """
    if not cache.exists():
        if folder is None:
            raise FileNotFoundError(f"no decoded recordings at {cache}; give the folder of your recordings with --data")
        cache.parent.mkdir(parents=True, exist_ok=True)
        partial = cache.with_suffix(".partial.npz")
        np.savez(partial, **decode_voice(folder, source, sample_rate, excludes))  # type: ignore[arg-type]
        partial.rename(cache)
    with np.load(cache) as archive:
        return {name: archive[name] for name in archive.files}


def split_held_out(phonemes: dict[str, str]) -> tuple[list[str], list[str]]:
    """Names to train on, and names to judge by; no words are on both sides."""
    unseen = {text for name, text in phonemes.items() if HELD_OUT.search(name)}
    if not unseen:
        unseen = set(sorted(set(phonemes.values()))[::HELD_OUT_EVERY])
    training = [name for name, text in phonemes.items() if text not in unseen]
    return training, [name for name, text in phonemes.items() if text in unseen]


def make_voice(samples: dict[str, np.ndarray], phonemes: dict[str, str], hop_length: int) -> Voice:
    """Put recordings, int16 [T] each, and phonemes of the same names together.

    An utterance with more symbols than frames cannot be aligned and is left out; fast speech may be so.

    Raises
    ------
    ValueError
        When no name is in both.
    """
    texts = {name: text for name, text in phonemes.items() if name in samples}
    if not texts:
        raise ValueError('"phonemes" expected names of the recordings, got none; see --phonemes and --source')
    vocabulary = build_vocabulary(texts.values())
    utterances = {name: Utterance(name, samples[name], to_symbols(texts[name], vocabulary)) for name in texts}
    can_align = {name for name, one in utterances.items() if one.num_frames(hop_length) >= len(one.symbols)}
    training, held_out = ([utterances[n] for n in names if n in can_align] for names in split_held_out(texts))
    return Voice(vocabulary, training, held_out)


def pad_batch(utterances: list[Utterance], hop_length: int) -> Batch:
    """Put utterances together."""
    symbol_counts = [len(utterance.symbols) for utterance in utterances]
    frame_counts = [utterance.num_frames(hop_length) for utterance in utterances]
    symbols = torch.zeros(len(utterances), max(symbol_counts), dtype=torch.int64)
    samples = torch.zeros(len(utterances), max(frame_counts) * hop_length)
    for row, utterance in enumerate(utterances):
        symbols[row, : symbol_counts[row]] = torch.tensor(utterance.symbols)
        whole = frame_counts[row] * hop_length
        samples[row, :whole] = torch.from_numpy(utterance.samples[:whole].astype(np.float32) / 32768)
    return Batch(symbols, torch.tensor(symbol_counts), samples, torch.tensor(frame_counts))


class UtteranceSampler:
    """Batches of utterances of like length; which ones come together, and in what order, changes with every epoch.

    The batch of a step depends on seed and step alone, so that a resumed run goes on where it was.
    """

    def __init__(self, utterances: list[Utterance], batch_size: int, hop_length: int, seed: int) -> None:
        self.utterances, self.batch_size, self.hop_length, self.seed = utterances, batch_size, hop_length, seed
        if len(utterances) < batch_size:
            raise ValueError(f'"utterances" expected at least {batch_size} of them, got {len(utterances)}')
        self.batches_per_epoch = len(utterances) // batch_size

    def batch(self, step: int) -> Batch:
        epoch, index = divmod(step, self.batches_per_epoch)
        random = np.random.default_rng((self.seed, epoch))
        lengths = np.array([utterance.num_frames(self.hop_length) for utterance in self.utterances])
        # Lengths a little off, so that neighbours differ from epoch to epoch.
        order = np.argsort(lengths * random.uniform(0.9, 1.1, len(lengths)))
        left_out = random.choice(len(order), len(order) % self.batch_size, replace=False)
        groups = np.delete(order, left_out).reshape(self.batches_per_epoch, self.batch_size)
        chosen = groups[random.permutation(self.batches_per_epoch)[index]]
        return pad_batch([self.utterances[member] for member in chosen], self.hop_length)
