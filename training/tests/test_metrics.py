"""Metrics at any sample rate."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from quantone_training.metrics import measure
from quantone_training.training_loop import measure_clips


def test_clips_of_another_rate_are_measured_at_16_khz(audio: np.ndarray) -> None:
    clip = np.asarray(soxr.resample(audio.astype(np.float32) / 32768, 16000, 24000))
    delayed = np.concatenate([np.zeros(240, np.float32), clip])
    row = measure(clip, delayed, 24000)
    # 240 samples of 24 kHz are 160 of 16 kHz.
    assert row["lag"] == 160 and row["stoi"] > 0.999 and row["log_mel"] < 0.01
    # Taken for 16 kHz, the lag is that of the samples themselves.
    assert measure(clip, delayed)["lag"] == 240


def test_clips_are_measured_one_by_one_and_together(audio: np.ndarray) -> None:
    clips = {"first": audio[:32000].astype(np.float32) / 32768, "second": audio[32000:].astype(np.float32) / 32768}
    noise = 0.05 * np.random.default_rng(0).standard_normal(32000).astype(np.float32)
    result = measure_clips(clips, 16000, lambda clip: clip + noise)
    assert set(result) == {"first", "second", "mean"} and set(result["first"]) == {"pesq", "stoi"}
    both = [result[name]["stoi"] for name in clips]
    assert result["mean"]["stoi"] == pytest.approx(np.mean(both)) and both[0] != both[1]
    assert measure_clips({}, 16000, lambda clip: clip) == {}


def test_aligned_clips_are_taken_as_they_are(audio: np.ndarray) -> None:
    clip = audio.astype(np.float32) / 32768
    delayed = np.concatenate([np.zeros(400, np.float32), clip[:-400]])
    searched, taken = measure(clip, delayed), measure(clip, delayed, is_aligned=True)
    assert searched["lag"] == 400 and taken["lag"] == 0
    assert searched["stoi"] > 0.99 and taken["stoi"] < 0.9
