"""DNSMOS P.835 (SIG, BAK, OVRL) of a 16 kHz signal by the published ONNX model; a no-reference estimate of opinion.

Source: Reddy, Gopal and Cutler 2022 (DNSMOS P.835); window, hop and polynomial corrections as published with the model.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

WINDOW_SAMPLES = 144160
HOP_SAMPLES = 16000
CORRECTIONS = {
    "sig": np.poly1d([-0.08397278, 1.22083953, 0.0052439]),
    "bak": np.poly1d([-0.13166888, 1.60915514, -0.39604546]),
    "ovrl": np.poly1d([-0.06766283, 1.11546468, 0.04602535]),
}


class Dnsmos:
    """The model, loaded once."""

    def __init__(self, model: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(model), options)

    def score(self, samples: np.ndarray) -> dict[str, float]:
        """Mean over windows of 9.01 s, one a second; shorter clips repeat until they fill one. Input float [T]."""
        samples = samples.astype(np.float32)
        while len(samples) < WINDOW_SAMPLES:
            samples = np.concatenate([samples, samples])
        starts = range(0, len(samples) - WINDOW_SAMPLES + 1, HOP_SAMPLES)
        raw = [self.session.run(None, {"input_1": samples[None, s : s + WINDOW_SAMPLES]})[0][0] for s in starts]
        scores = np.asarray(raw)
        return {name: float(np.mean(CORRECTIONS[name](scores[:, i]))) for i, name in enumerate(CORRECTIONS)}
