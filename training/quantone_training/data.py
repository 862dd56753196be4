"""Training audio: tar shards of compressed clips -> one int16 array in the run folder -> random crops [B, 1, T].

Decoding eleven hours of Opus takes minutes, so it is done once and kept as `audio.npy`; a restart maps it into memory.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
import torch

SPEECH_ONLY_EXCLUDES = ("esc10", "sonicpi", "webaudio_samples", "mdn_webaudio", "librosa_data")
"""Sub-folders of the data pack that hold music and sounds, left out when training a speech codec."""

CLIP_PEAK = 0.9
MIN_CROP_RMS = 0.02
"""Crops quieter than this (after normalising each clip's peak) are silence or noise floor and teach nothing."""


def to_mono(samples: np.ndarray, source_rate: int, sample_rate: int) -> np.ndarray:
    """Mix [T] or [T, C] to one channel and resample; float32 in, float32 out."""
    mono = samples.mean(axis=1) if samples.ndim == 2 else samples
    if source_rate != sample_rate:
        mono = soxr.resample(mono, source_rate, sample_rate)
    return np.asarray(mono, dtype=np.float32)


def to_length(samples: np.ndarray, num_samples: int) -> np.ndarray:
    """Cut [T] to so many samples, or append zeros."""
    return np.pad(samples[:num_samples], (0, max(0, num_samples - len(samples))))


def normalize_peak(samples: np.ndarray) -> np.ndarray:
    """Scale a clip's peak to 0.9 and round to int16.

    Per clip and not per crop: scaling each crop would lift the noise floor of pauses to full level.
    """
    peak = max(float(np.abs(samples).max(initial=0.0)), 1e-3)
    return np.asarray(samples / peak * CLIP_PEAK * 32767, dtype=np.int16)


def decode_shards(folder: str | Path, sample_rate: int, excludes: tuple[str, ...] = SPEECH_ONLY_EXCLUDES) -> np.ndarray:
    """Decode every audio file of every `*.tar` in the folder; returns the clips end to end, int16 [T].

    Raises
    ------
    FileNotFoundError
        When the folder holds no shard.
    """
    shards = sorted(Path(folder).glob("*.tar"))
    if not shards:
        raise FileNotFoundError(f"no .tar shard in {folder}; pass the folder of the training pack with --data")
    clips: list[np.ndarray] = []
    for shard in shards:
        with tarfile.open(shard) as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is None or member.name.split("/")[0] in excludes:
                    continue
                samples, rate = sf.read(io.BytesIO(stream.read()), dtype="float32")
                clips.append(normalize_peak(to_mono(samples, rate, sample_rate)))
    return np.concatenate(clips)


def load_cached(folder: str | Path, cache: str | Path, sample_rate: int) -> np.ndarray:
    """Map the decoded training audio into memory, decoding the shards first when `cache` does not exist."""
    cache = Path(cache)
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        partial = cache.with_suffix(".partial.npy")
        np.save(partial, decode_shards(folder, sample_rate))
        partial.rename(cache)
    audio: np.ndarray = np.load(cache, mmap_mode="r")
    return audio


class CropSampler:
    """Draws random crops that are loud enough to learn from.

    Crops may span the border of two clips; short clips (single words) would otherwise be lost.
    """

    def __init__(self, audio: np.ndarray, num_samples: int, min_gain: float = 0.15) -> None:
        if len(audio) <= num_samples:
            raise ValueError(f'"audio" expected more than {num_samples} samples, got {len(audio)}')
        self.audio = audio
        self.num_samples = num_samples
        self.min_gain = min_gain

    def batch(self, size: int, generator: torch.Generator) -> torch.Tensor:
        """Crops [B, 1, T] float32 in [-1, 1], each with a random gain (log-uniform from `min_gain` to 1)."""
        crops: list[np.ndarray] = []
        while len(crops) < size:
            start = int(torch.randint(len(self.audio) - self.num_samples, (1,), generator=generator))
            crop = self.audio[start : start + self.num_samples].astype(np.float32) / 32768
            if float(np.sqrt(np.mean(crop**2))) < MIN_CROP_RMS:
                continue
            exponent = float(torch.rand(1, generator=generator))
            crops.append(crop * self.min_gain**exponent)
        return torch.from_numpy(np.stack(crops))[:, None]


def load_clip(path: str | Path, sample_rate: int) -> np.ndarray:
    """Read one audio file as mono float32 [T] at the wanted rate, level untouched."""
    samples, rate = sf.read(str(path), dtype="float32")
    return to_mono(samples, rate, sample_rate)
