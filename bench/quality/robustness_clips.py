"""Makes the clips of the robustness benchmark: degraded speech, other material, and synthetic extremes.

`python bench/quality/robustness_clips.py --audio ../shared/audio --out CLIPS`
Writes `CLIPS/GROUP--CONDITION.wav` (mono, 16 kHz, float32). Noise, rooms and clicks are seeded by the
condition's name: the same clips in every run. Needs `pip install ./training`.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
from quantone_training.data import load_clip
from scipy.signal import butter, sosfilt

RATE = 16000
SPEECH_DB = -26.0
"""Level of all recordings before anything is done to them, dB of full scale: a usual level of speech."""

WINDOW_SAMPLES = 144160
"""Every clip is as long as what DNSMOS judges at a time, 9.01 s, so that none of its work goes into repetitions."""

FADE_SAMPLES = 160

SPEECH = (
    "lyra/sample1_16kHz.wav",
    "lyra/sample2_16kHz.wav",
    "eval/librispeech_resemblyzer-6385-220959-0000_b3a1f2.flac",
    "eval/librispeech_resemblyzer-5514-19192-0000_5623d7.flac",
    "eval/librispeech_resemblyzer-481-123719-0000_b005a0.flac",
)
"""What the degraded conditions are made from: five voices that are in no training shard."""

NOISES = ("eval/esc10-4-157611-b_161b10.flac", "eval/esc10-3-142005-a_be9880.flac")
"""Recorded noises for mixing, one after the other: a chainsaw and rain."""

RECORDINGS = {
    ("speech", "English, one voice"): ("eval/rhasspy_kathleen*",),
    ("speech", "German, one voice"): ("eval/rhasspy_kerstin*",),
    ("speech", "Gaelic"): ("eval/gcompris*",),
    ("speech", "learners"): ("eval/speechocean762*",),
    ("sound", "music"): ("eval/librosa*", "eval/mdn*"),
    ("sound", "rain, chainsaw, rooster"): ("eval/esc10*",),
}
"""Taken as they are, by group and condition. Learners: second-language speakers of English, children among them."""

Samples = np.ndarray


@dataclass(frozen=True)
class Condition:
    """What was done, or what it is; in the names of clips, and the key of its numbers."""

    group: str
    name: str

    @property
    def is_speech(self) -> bool:
        return self.group in {"clean", "degraded", "speech"}


Degrade = Callable[[Samples, np.random.Generator], Samples]


def rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


def at_level(samples: Samples, decibels: float) -> Samples:
    """Scaled to a root mean square of so many dB of full scale."""
    return np.asarray(samples * (10 ** (decibels / 20) / rms(samples)))


def white(length: int, random: np.random.Generator) -> Samples:
    return random.standard_normal(length)


def pink(length: int, random: np.random.Generator) -> Samples:
    """Noise that falls by 3 dB an octave above 20 Hz."""
    spectrum = np.fft.rfft(white(length, random))
    frequencies = np.fft.rfftfreq(length, 1 / RATE)
    return np.asarray(np.fft.irfft(spectrum / np.sqrt(np.maximum(frequencies, 20)), length))


def with_noise(noise: Callable[[int, np.random.Generator], Samples], snr_db: float) -> Degrade:
    def degrade(speech: Samples, random: np.random.Generator) -> Samples:
        return speech + at_level(noise(len(speech), random), 20 * np.log10(rms(speech)) - snr_db)

    return degrade


def in_room(reverberation_seconds: float) -> Degrade:
    """Direct sound and, from 2 ms on, as much energy of exponentially decaying noise (60 dB in the time given)."""

    def degrade(speech: Samples, random: np.random.Generator) -> Samples:
        times = np.arange(int(reverberation_seconds * RATE)) / RATE
        tail = random.standard_normal(len(times)) * 10 ** (-3 * times / reverberation_seconds) * (times > 0.002)
        response = tail / np.linalg.norm(tail)
        response[0] = 1.0
        size = 1 << (len(speech) + len(response)).bit_length()
        spectrum = np.fft.rfft(speech, size) * np.fft.rfft(response, size)
        return at_level(np.fft.irfft(spectrum, size)[: len(speech)], SPEECH_DB)

    return degrade


def gain(decibels: float) -> Degrade:
    return lambda speech, _: speech * 10 ** (decibels / 20)


def clipped(decibels: float) -> Degrade:
    """Peaks so many dB above full scale, cut off there; 0 dB only reaches it."""
    return lambda speech, _: np.clip(speech / np.abs(speech).max() * 10 ** (decibels / 20), -1, 1)


def telephone(speech: Samples, _: np.random.Generator) -> Samples:
    """300 to 3400 Hz."""
    return np.asarray(sosfilt(butter(6, [300, 3400], "bandpass", fs=RATE, output="sos"), speech))


def with_offset(offset: float) -> Degrade:
    return lambda speech, _: speech + offset


def with_clicks(speech: Samples, random: np.random.Generator) -> Samples:
    """Ten single samples a second of 0.8, up or down."""
    clicks = (random.random(len(speech)) < 10 / RATE) * random.choice([-0.8, 0.8], len(speech))
    return np.asarray(np.clip(speech + clicks, -1, 1))


def degradations(recorded: Samples) -> Iterator[tuple[str, Degrade]]:
    """Condition and what it does to the speech."""
    kinds = {"white": white, "pink": pink, "recorded": lambda length, _: recorded[:length]}
    for name, noise in kinds.items():
        for snr_db in (20, 10, 5, 0):
            yield f"{name} noise, {snr_db} dB", with_noise(noise, snr_db)
    for seconds in (0.3, 0.8):
        yield f"room, {seconds} s", in_room(seconds)
    for decibels in (-20, -40):
        yield f"level {decibels} dB", gain(decibels)
    yield "level full scale", clipped(0)
    for decibels in (6, 12, 20):
        yield f"clipped, {decibels} dB", clipped(decibels)
    yield "telephone band", telephone
    yield "offset 0.1", with_offset(0.1)
    yield "clicks", with_clicks


def synthetic() -> Iterator[tuple[str, Samples]]:
    """Signals that no voice makes."""
    length = WINDOW_SAMPLES
    times = np.arange(length) / RATE
    random = np.random.default_rng(1)
    yield "silence", np.zeros(length)
    yield "dither of 1 bit", random.integers(-1, 2, length) / 32768
    yield "constant 0.25", np.full(length, 0.25)
    yield "impulses", np.where(np.arange(length) % (RATE // 4) == RATE // 8, 1.0, 0.0)
    yield "square, full scale", np.where(np.sin(2 * np.pi * 197 * times) >= 0, 1.0, -1.0)
    yield "white noise", at_level(white(length, random), SPEECH_DB)
    yield "pink noise", at_level(pink(length, random), SPEECH_DB)
    for frequency in (97, 443, 1003, 3011, 7013):  # none repeats every frame, so that what does is the codec's own
        yield f"tone, {frequency} Hz", 0.25 * np.sin(2 * np.pi * frequency * times)


def conditions() -> Iterator[Condition]:
    """All of them, in the order of the page."""
    yield Condition("clean", "clean")
    nothing = np.zeros(0)
    yield from (Condition("degraded", name) for name, _ in degradations(nothing))
    yield from (Condition(group, name) for group, name in RECORDINGS)
    yield from (Condition("synthetic", name) for name, _ in synthetic())


def joined(paths: Iterable[Path]) -> Samples:
    """One window of recordings of one level end to end, as much of each as finds room, with fades at the joints."""
    recordings = [load_clip(path, RATE).astype(np.float64) for path in paths]
    pieces = []
    for recording in recordings:
        piece = recording[: -(-WINDOW_SAMPLES // len(recordings))]
        fade = np.minimum(np.arange(len(piece)) / FADE_SAMPLES, 1.0)
        pieces.append(at_level(piece * fade * fade[::-1], SPEECH_DB))
    return np.resize(np.concatenate(pieces), WINDOW_SAMPLES)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--audio", type=Path, required=True, help="the folder with eval/ and lyra/")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    def write(group: str, condition: str, samples: Samples) -> None:
        sf.write(options.out / f"{group}--{condition}.wav", samples.astype(np.float32), RATE, subtype="FLOAT")

    speech = joined(options.audio / path for path in SPEECH)
    write("clean", "clean", speech)
    for condition, degrade in degradations(joined(options.audio / path for path in NOISES)):
        random = np.random.default_rng(zlib.crc32(condition.encode()))
        write("degraded", condition, degrade(speech, random))
    for (group, condition), patterns in RECORDINGS.items():
        write(group, condition, joined(sorted(path for glob in patterns for path in options.audio.glob(glob))))
    for condition, samples in synthetic():
        write("synthetic", condition, samples)


if __name__ == "__main__":
    main()
