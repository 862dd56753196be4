"""Objective quality of a decoded clip against its reference, both float [T]; it is measured at 16 kHz.

PESQ wide-band, STOI and the log-mel distance; the last uses log10 of 80 mel bands, as codec comparisons commonly do.
"""

from __future__ import annotations

import librosa
import numpy as np
import soxr
from pesq import NoUtterancesError, pesq
from pystoi import stoi

METRIC_SAMPLE_RATE = 16000
MAX_LAG_SAMPLES = 1600


def at_metric_rate(clip: np.ndarray, sample_rate: int) -> np.ndarray:
    """The clip [T] in float64 at the rate that all metrics are taken at."""
    clip = clip.astype(np.float64)
    return (
        clip if sample_rate == METRIC_SAMPLE_RATE else np.asarray(soxr.resample(clip, sample_rate, METRIC_SAMPLE_RATE))
    )


def align(reference: np.ndarray, decoded: np.ndarray, max_lag: int = MAX_LAG_SAMPLES) -> tuple[np.ndarray, int]:
    """Shift the decoded clip by the lag of the highest cross-correlation; returns it at the reference's length."""
    size = 1 << int(np.ceil(np.log2(2 * max(len(reference), len(decoded)))))
    correlation = np.fft.irfft(np.fft.rfft(decoded, size) * np.conj(np.fft.rfft(reference, size)), size)
    lag = int(np.argmax(np.concatenate([correlation[-max_lag:], correlation[: max_lag + 1]]))) - max_lag
    shifted = decoded[lag:] if lag >= 0 else np.concatenate([np.zeros(-lag), decoded])
    shifted = shifted[: len(reference)]
    return np.concatenate([shifted, np.zeros(len(reference) - len(shifted))]), lag


def log_mel_distance(reference: np.ndarray, decoded: np.ndarray) -> float:
    """Mean absolute difference of log10 mel magnitudes (1024-point windows, hop 256, 80 bands)."""

    def log_mel(samples: np.ndarray) -> np.ndarray:
        mel = librosa.feature.melspectrogram(
            y=samples.astype(np.float32), sr=METRIC_SAMPLE_RATE, n_fft=1024, hop_length=256, n_mels=80, power=1.0
        )
        return np.asarray(np.log10(np.maximum(mel, 1e-5)))

    return float(np.abs(log_mel(reference) - log_mel(decoded)).mean())


def measure(
    reference: np.ndarray, decoded: np.ndarray, sample_rate: int = METRIC_SAMPLE_RATE, *, is_aligned: bool = False
) -> dict[str, float]:
    """PESQ-wb (NaN where the clip holds no utterance), STOI, log-mel distance and the lag in samples at 16 kHz.

    `is_aligned` takes the clips as they are: a vocoder makes phases of its own, among which a search for the lag finds
    one that means nothing.
    """
    reference, decoded = (at_metric_rate(clip, sample_rate) for clip in (reference, decoded))
    aligned, lag = (decoded, 0) if is_aligned else align(reference, decoded)
    try:
        pesq_wb = float(pesq(METRIC_SAMPLE_RATE, reference, aligned, "wb"))
    except NoUtterancesError:
        pesq_wb = float("nan")
    return {
        "pesq": pesq_wb,
        "stoi": float(stoi(reference, aligned, METRIC_SAMPLE_RATE)),
        "log_mel": log_mel_distance(reference, aligned),
        "lag": float(lag),
    }


def mean_metrics(rows: list[dict[str, float]]) -> dict[str, float]:
    """Mean of every metric over clips, ignoring NaN."""
    return {key: float(np.nanmean([row[key] for row in rows])) for key in rows[0]}
