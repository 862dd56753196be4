#!/usr/bin/env python3
"""Judges what scripts/lyra-v2/dtx.ts wrote: frames not sent, whether they are the right ones, PESQ-wb and STOI.

    pip install numpy pesq==0.0.4 pystoi==0.4.1
    python scripts/lyra-v2/dtx.py OUT

The right frames are those of `NoiseEstimator` below, which follows google/lyra 1.3.2 (noise_estimator.cc and
log_mel_spectrogram_extractor_impl.cc) in double precision, apart from ours.
"""

import argparse
import json
import pathlib

import numpy as np
from pesq import PesqError, pesq
from pystoi import stoi

SAMPLE_RATE = 16_000
HOP = 320
NUM_BANDS = 160
FFT_LENGTH = 1024
LOG_FLOOR = 500.0
LOG_SCALE = 10.0


def mel(hertz: float | np.ndarray) -> np.ndarray:
    return 1127.0 * np.log1p(hertz / 700.0)


def mel_weights() -> np.ndarray:
    """Triangles over the mel scale, between evenly spaced points of it [NUM_BANDS, bins]."""
    points = np.linspace(0.0, mel(0.495 * SAMPLE_RATE), NUM_BANDS + 2)
    bins = mel(np.arange(FFT_LENGTH // 2 + 1) * SAMPLE_RATE / FFT_LENGTH)
    step = points[1]
    return np.clip(1.0 - np.abs(bins - points[1:-1, None]) / step, 0.0, None)


def features(samples: np.ndarray) -> np.ndarray:
    """Log-mel [F, NUM_BANDS] of frames and the frame before each."""
    weights = mel_weights()
    window = np.sin(np.pi * np.arange(2 * HOP) / (2 * HOP)) ** 2
    padded = np.concatenate([np.zeros(HOP), samples * 32768.0])
    frames = np.stack([padded[at : at + 2 * HOP] for at in range(0, len(samples), HOP)])
    magnitudes = np.abs(np.fft.rfft(frames * window, FFT_LENGTH))
    return np.log(np.maximum(magnitudes @ weights.T, LOG_FLOOR)) / LOG_SCALE


class NoiseEstimator:
    """Minimum statistics of smoothed log-mels, and a bound about them that grows with their variance."""

    max_smoothing = 0.5 ** (0.02 / 0.7)
    bound_decay = 0.5**0.02
    frames_per_update = 50

    def __init__(self) -> None:
        self.noise = np.zeros(NUM_BANDS)
        self.bound = np.zeros(NUM_BANDS)
        self.smoothed: np.ndarray | None = None
        self.squares = np.zeros(NUM_BANDS)
        self.candidate = np.zeros(NUM_BANDS)
        self.count = 0

    def push(self, power: np.ndarray) -> bool:
        if (np.abs(power - self.noise) <= self.bound).all():
            self.bound *= self.bound_decay
            return True
        if self.smoothed is None:
            self.smoothed, self.squares, self.candidate = power.copy(), power**2, power.copy()
        factor = self.max_smoothing * np.exp(-(((self.smoothed.mean() - power.mean()) / 0.3) ** 2))
        factor = factor * np.exp(-(((self.smoothed - self.noise) / 0.3) ** 2))
        self.smoothed = factor * self.smoothed + (1 - factor) * power
        self.squares = factor * self.squares + (1 - factor) * power**2
        if self.count == 0:
            self.noise = np.minimum(self.candidate, self.smoothed)
            self.candidate = self.smoothed.copy()
        else:
            self.noise = np.minimum(self.noise, self.smoothed)
            self.candidate = np.minimum(self.candidate, self.smoothed)
        variance = np.maximum(0.0, self.squares - self.smoothed**2)
        self.bound = 0.9 * np.sqrt(variance * np.log(NUM_BANDS))
        self.count = (self.count + 1) % self.frames_per_update
        return False


def right_marks(samples: np.ndarray) -> np.ndarray:
    """1 for each frame of noise [F]; the last is filled up with silence."""
    filled = np.pad(samples, (0, -len(samples) % HOP))
    estimator = NoiseEstimator()
    return np.array([estimator.push(power) for power in features(filled)], np.uint8)


def gaps(marks: np.ndarray) -> list[int]:
    """Lengths of the runs of frames that are not sent."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marks.astype(int), [0]])))
    return list(edges[1::2] - edges[::2])


def num_loud(samples: np.ndarray, marks: np.ndarray) -> int:
    """Frames not sent whose power is above a hundredth of the clip's mean."""
    frames = np.pad(samples, (0, -len(samples) % HOP)).reshape(-1, HOP)
    return int(((frames**2).mean(1)[marks == 1] > (samples**2).mean() / 100).sum())


def quality(reference: np.ndarray, decoded: np.ndarray) -> tuple[float, float]:
    """PESQ-wb, not a number where it hears no speech, and STOI."""
    try:
        mos = pesq(SAMPLE_RATE, reference, decoded, "wb")
    except PesqError:
        mos = float("nan")
    return mos, stoi(reference, decoded, SAMPLE_RATE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    rows = []
    lengths: list[int] = []
    wrong = total = unsent = loud = 0
    for name in json.loads((out / "clips.json").read_text()):
        samples, with_dtx, without = (
            np.fromfile(out / f"{name}.{kind}.f32", "<f4").astype(np.float64) for kind in ("samples", "dtx", "all")
        )
        marks = np.fromfile(out / f"{name}.marks.u8", np.uint8)
        differing = int((marks != right_marks(samples)).sum())
        wrong, total, unsent = wrong + differing, total + len(marks), unsent + int(marks.sum())
        lengths += gaps(marks)
        loud += num_loud(samples, marks)
        rows.append([*quality(samples, without), *quality(samples, with_dtx)])
        scores = " ".join(f"{value:.3f}" for value in rows[-1])
        print(f"{name}: {marks.mean():.1%} not sent, {differing} marks differ; {scores}", flush=True)
    print(f"{len(rows)} clips: {unsent} of {total} frames not sent, {wrong} marks differ")
    if lengths:
        print(f"runs of frames not sent: median {np.median(lengths):.0f}; {loud} frames louder than -20 dB of the mean")
    labels = ("PESQ", "STOI", "PESQ with DTX", "STOI with DTX")
    for label, values in zip(labels, np.array(rows).T, strict=True):
        print(f"{label}: {np.nanmean(values):.3f}")


if __name__ == "__main__":
    main()
