#!/usr/bin/env python3
"""Makes test/golden/lyra-published/manifest.json: what LiteRT makes of a made-up signal with the published files.

    pip install -r scripts/lyra-v2/requirements.txt
    python scripts/lyra-v2/make_published_vectors.py MODELS test/golden/lyra-published

Tokens are stored as packets, samples by their SHA-256; neither weights nor recordings are.
"""

import argparse
import hashlib
import json
import pathlib

import ai_edge_litert
import numpy as np
from parity import HOP_LENGTH, RATES, Lyra, packets

NUM_FRAMES = 100
LEVEL_SHIFTS = (0, 4, 2, 7, 1, 15, 3, 10, 0, 5)
FRAMES_PER_LEVEL = 10


def signal() -> np.ndarray:
    """Noise of a linear congruential generator, smoothed by its integral in places; exact in any language.

    The level changes every 200 ms. Each second stretch is a running sum with a leak, which is low-pass.
    """
    state, leaky, samples = 1, 0, []
    for index in range(NUM_FRAMES * HOP_LENGTH):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        stretch = index // (FRAMES_PER_LEVEL * HOP_LENGTH)
        white = (state >> 16) - 32768
        leaky = leaky - leaky // 16 + white // 16
        chosen = leaky if stretch % 2 else white
        samples.append(chosen / 32768 / 2 ** LEVEL_SHIFTS[stretch % len(LEVEL_SHIFTS)])
    return np.array(samples, np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()
    lyra = Lyra(arguments.models)
    samples = signal()
    tokens = lyra.quantize(lyra.encode(samples))
    hashes = {}
    for num_stages in RATES:
        # A zero has one sign only in a hash.
        decoded = lyra.decode(tokens, num_stages) + np.float32(0)
        hashes[num_stages] = hashlib.sha256(decoded.astype("<f4").tobytes()).hexdigest()
    manifest = {
        "generator": "scripts/lyra-v2/make_published_vectors.py",
        "versions": {"ai-edge-litert": ai_edge_litert.__version__, "numpy": np.__version__},
        "sha256": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(arguments.models.glob("*.tflite"))
        },
        "numFrames": NUM_FRAMES,
        "framesPerLevel": FRAMES_PER_LEVEL,
        "levelShifts": LEVEL_SHIFTS,
        "samplesSha256": hashlib.sha256(samples.astype("<f4").tobytes()).hexdigest(),
        "packets": packets(tokens, 46).hex(),
        "decodedSha256": hashes,
    }
    (arguments.out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
