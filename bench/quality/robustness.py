"""Judges the decoded clips of the robustness benchmark: levels, steps at frame borders, tokens, and quality.

`python bench/quality/robustness.py DECODED --dnsmos sig_bak_ovr.onnx --json docs/robustness.json`
DECODED is what `decode-clips.ts` and `robustness.ts` wrote of the clips of `robustness_clips.py`. As in `measure.py`,
rows are kept whose decoded file is the same. Needs `pip install ./training`.
"""

from __future__ import annotations

import argparse
import functools
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from measure import judge_folder, load_dnsmos
from pystoi import stoi
from quantone_training.data import load_clip
from quantone_training.metrics import METRIC_SAMPLE_RATE, align, measure
from scipy.signal import butter, sosfiltfilt

HOP_SAMPLES = 320
"""A frame of `speech-16k`, and of Lyra and Opus as they run here."""

SUBFRAME_SAMPLES = 160
"""The hop of the decoder's spectrum."""

INAUDIBLE_DB = -70.0
"""Below this nothing is said about the shape of a signal; 16-bit noise lies at -98."""


def decibels(power: float) -> float:
    return float(10 * np.log10(power + 1e-12))


def level(samples: np.ndarray) -> float:
    """dB of full scale, without the offset: what can be heard."""
    return decibels(float(np.var(samples)))


def running_mean(values: np.ndarray) -> np.ndarray:
    """Over one frame around each sample."""
    return np.convolve(values, np.ones(HOP_SAMPLES) / HOP_SAMPLES, "same")


def border_step(samples: np.ndarray) -> float:
    """
    How much sharper the signal bends at borders than elsewhere, dB: about 0 where borders leave no trace.

    Squared second differences, relative to their mean over the frame around, are averaged over all frames and over all
    half frames by their place in it; a step between two frames stands in the two places beside the border.
    """
    bends = np.pad(np.diff(samples, 2) ** 2, 1)
    relative = bends / (running_mean(bends) + 1e-14)
    steps = []
    for period in (HOP_SAMPLES, SUBFRAME_SAMPLES):
        by_place = relative[: len(relative) // period * period].reshape(-1, period).mean(axis=0)
        steps.append(max(by_place[0], by_place[-1]) / by_place.mean())
    return decibels(max(steps))


def repeated_share(samples: np.ndarray) -> float:
    """
    Share of the power above 1 kHz that is one waveform, repeated in every frame: 0 of speech and noise.

    Levels are evened out first. The mean of N frames keeps 1/N of the power of what differs from frame to frame.
    """
    high = sosfiltfilt(butter(4, 1000, "highpass", fs=METRIC_SAMPLE_RATE, output="sos"), samples)
    even = high / (np.sqrt(running_mean(high**2)) + 1e-5)
    frames = even[: len(even) // HOP_SAMPLES * HOP_SAMPLES].reshape(-1, HOP_SAMPLES)
    share = np.mean(frames.mean(axis=0) ** 2) / np.mean(frames**2)
    return float((share * len(frames) - 1) / (len(frames) - 1))


def signal_numbers(given: np.ndarray, decoded: np.ndarray) -> dict[str, float]:
    """What can be said of any finite signal, whatever it is."""
    is_audible = level(decoded) > INAUDIBLE_DB
    return {
        "level": level(decoded),
        "level_change": level(decoded) - level(given),
        "offset": float(np.mean(decoded)),
        "peak": float(np.abs(decoded).max()),
        "beyond_full_scale": float(np.mean(np.abs(decoded) > 1)),
        "border_step": border_step(decoded) if is_audible else float("nan"),
        "repeated_share": repeated_share(decoded) if is_audible else float("nan"),
    }


def judge(given_path: Path, decoded_path: Path, model: Path) -> dict[str, float]:
    """Every number of one clip; quality is judged of recordings, intelligibility of degraded speech against clean."""
    group = given_path.stem.split("--")[0]
    given, decoded = (load_clip(path, METRIC_SAMPLE_RATE).astype(np.float64) for path in (given_path, decoded_path))
    row = {"not_finite": float(np.sum(~np.isfinite(decoded)))}
    decoded = np.nan_to_num(decoded, nan=0.0, posinf=0.0, neginf=0.0)
    row |= signal_numbers(given, decoded)
    if group == "synthetic":
        return row
    row |= measure(given, decoded) | load_dnsmos(model).score(decoded)
    if group == "degraded":
        clean = load_clip(given_path.with_name("clean--clean.wav"), METRIC_SAMPLE_RATE)
        row["stoi_to_clean"] = float(stoi(clean, align(given, decoded)[0], METRIC_SAMPLE_RATE))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("decoded", type=Path)
    parser.add_argument("--dnsmos", type=Path, required=True, help="sig_bak_ovr.onnx")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1, help="clips judged at the same time")
    options = parser.parse_args()
    result = json.loads(options.json.read_text()) if options.json.exists() else {"codecs": {}}
    result["streams"] = json.loads((options.decoded / "streams.json").read_text())
    judge_clip = functools.partial(judge, model=options.dnsmos)
    with ProcessPoolExecutor(options.jobs) as pool:
        for folder in sorted(path for path in options.decoded.iterdir() if path.is_dir()):
            known = result["codecs"].get(folder.name, {})
            result["codecs"][folder.name] = judge_folder(folder, known, judge_clip, pool)
            options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
