"""Training audio: a folder of recordings -> one file of int16 samples in the run's folder -> random crops [B, 1, T].

Recordings are audio files, tar archives of audio files, or both. Decoding them takes minutes to hours, so it is done
once and kept as `audio.npy`, which is written and read piece by piece: it does not have to fit into memory.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile as sf
import soxr
import torch

AUDIO_ENDINGS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64")
"""What libsndfile reads; other files in the folder, such as transcripts, are passed over."""

BLOCK_SECONDS = 600
"""Longer recordings are taken in stretches of so many seconds, each at a level of its own."""

CLIP_PEAK = 0.9
MIN_CROP_RMS = 0.02
"""Crops quieter than this (after normalizing each clip's peak) are silence or noise floor and teach nothing."""

MAX_QUIET_CROPS = 10_000
"""So many quiet crops one after another say that there is nothing else."""

REPORTED_FILES = 1000
"""Decoding tells of its progress every so many files."""


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


def recordings(folder: Path, excludes: Iterable[str] = ()) -> Iterator[tuple[str, BinaryIO]]:
    """Every audio file below the folder, and in tar archives there, with its path from the folder or in the archive.

    Files and archives come sorted by path, which makes a run repeatable.

    Parameters
    ----------
    excludes:
        Names of folders, the topmost of a path, that are left out.

    Raises
    ------
    FileNotFoundError
        When there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}; give the folder of your recordings with --data")
    excluded = set(excludes)

    def is_wanted(name: str) -> bool:
        return name.lower().endswith(AUDIO_ENDINGS) and name.split("/")[0] not in excluded

    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".tar":
            with tarfile.open(path) as archive:
                for member in archive:
                    stream = archive.extractfile(member) if member.isfile() and is_wanted(member.name) else None
                    if stream is not None:
                        yield member.name, io.BytesIO(stream.read())
        elif is_wanted(name) and path.is_file():
            with path.open("rb") as file:
                yield name, file


def clips_of(recording: BinaryIO, sample_rate: int) -> Iterator[np.ndarray]:
    """A recording at the wanted rate, int16 [T], in stretches of ten minutes at the most.

    Raises
    ------
    soundfile.LibsndfileError
        When it is no audio that libsndfile reads.
    """
    with sf.SoundFile(recording) as file:
        for block in file.blocks(BLOCK_SECONDS * file.samplerate, dtype="float32"):
            yield normalize_peak(to_mono(block, file.samplerate, sample_rate))


def decode(folder: Path, sample_rate: int, excludes: Iterable[str] = ()) -> Iterator[np.ndarray]:
    """Every recording's clips, int16 [T] each; files that cannot be read are named and passed over."""
    num_files, num_samples = 0, 0
    for name, recording in recordings(folder, excludes):
        try:
            for clip in clips_of(recording, sample_rate):
                yield clip
                num_samples += len(clip)
        except sf.LibsndfileError as error:
            print(f"passed over {name}: {error}", flush=True)
            continue
        num_files += 1
        if num_files % REPORTED_FILES == 0:
            print(f"decoded {num_files} files, {num_samples / sample_rate / 3600:.1f} hours", flush=True)


def write_cache(cache: Path, clips: Iterable[np.ndarray], sample_rate: int) -> None:
    """Write the clips end to end as one .npy of int16, and beside it a .json with their sample rate.

    Raises
    ------
    ValueError
        When there is no clip.
    """
    cache.parent.mkdir(parents=True, exist_ok=True)
    partial = cache.with_suffix(".partial.npy")
    num_samples = 0
    with partial.open("wb") as file:
        # The header has room for any length, and is written again when that is known.
        _write_header(file, num_samples)
        for clip in clips:
            file.write(clip.tobytes())
            num_samples += len(clip)
        file.seek(0)
        _write_header(file, num_samples)
    if num_samples == 0:
        partial.unlink()
        raise ValueError(f"no audio to decode; --data takes files that end in {', '.join(AUDIO_ENDINGS)}, and .tar")
    cache.with_suffix(".json").write_text(json.dumps({"sampleRate": sample_rate, "numSamples": num_samples}) + "\n")
    partial.replace(cache)


def _write_header(file: BinaryIO, num_samples: int) -> None:
    header = {"descr": "<i2", "fortran_order": False, "shape": (num_samples,)}
    np.lib.format.write_array_header_1_0(file, header)


def load_cached(folder: Path | None, cache: Path, sample_rate: int, excludes: Iterable[str] = ()) -> np.ndarray:
    """Map the decoded training audio, int16 [T], into memory, decoding the folder first when `cache` does not exist.

    Raises
    ------
    FileNotFoundError
        When there is neither a cache nor a folder.
    ValueError
        When the folder holds no audio, or the cache was decoded to another rate.
    """
    if not cache.exists():
        if folder is None:
            raise FileNotFoundError(f"no decoded audio at {cache}; give the folder of your recordings with --data")
        write_cache(cache, decode(folder, sample_rate, excludes), sample_rate)
    facts = cache.with_suffix(".json")
    # Caches that other tools wrote have no such file.
    rate = json.loads(facts.read_text())["sampleRate"] if facts.exists() else sample_rate
    if rate != sample_rate:
        raise ValueError(f'"{cache}" expected {sample_rate} Hz, got {rate}; give another --cache or folder for the run')
    audio: np.ndarray = np.load(cache, mmap_mode="r")
    print(f"{len(audio) / sample_rate / 3600:.2f} hours of audio in {cache}", flush=True)
    return audio


class CropSampler:
    """Draws random crops that are loud enough to learn from.

    Crops may span the border of two clips; short clips (single words) would otherwise be lost.
    """

    def __init__(self, audio: np.ndarray, num_samples: int, min_gain: float = 0.15) -> None:
        if len(audio) <= num_samples:
            raise ValueError(f'"audio" expected more than {num_samples} samples, got {len(audio)}; see --data')
        self.audio = audio
        self.num_samples = num_samples
        self.min_gain = min_gain

    def batch(self, size: int, generator: torch.Generator) -> torch.Tensor:
        """Crops [B, 1, T] float32 in [-1, 1], each with a random gain (log-uniform from `min_gain` to 1).

        Raises
        ------
        ValueError
            When all the audio seems to be silence.
        """
        crops: list[np.ndarray] = []
        num_quiet = 0
        while len(crops) < size:
            start = int(torch.randint(len(self.audio) - self.num_samples, (1,), generator=generator))
            crop = self.audio[start : start + self.num_samples].astype(np.float32) / 32768
            if float(np.sqrt(np.mean(crop**2))) < MIN_CROP_RMS:
                num_quiet += 1
                if num_quiet >= MAX_QUIET_CROPS:
                    raise ValueError(
                        f'"audio" expected crops above {MIN_CROP_RMS} of full scale, got silence; see --data'
                    )
                continue
            num_quiet = 0
            exponent = float(torch.rand(1, generator=generator))
            crops.append(crop * self.min_gain**exponent)
        return torch.from_numpy(np.stack(crops))[:, None]


def load_clip(path: str | Path, sample_rate: int) -> np.ndarray:
    """Read one audio file as mono float32 [T] at the wanted rate, level untouched."""
    samples, rate = sf.read(str(path), dtype="float32")
    return to_mono(samples, rate, sample_rate)
