"""LiteRT's side of the Lyra V2 benchmark: the published files with XNNPACK, one thread, one frame a call.

`python bench/compare/lyra_litert.py MODELS SAMPLES`; SAMPLES are float32 [T]. Commands, one a line: encode, quantize,
dequantize, decode. Each runs all frames and answers with the processor time in seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import ai_edge_litert
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "lyra-v2"))

from parity import HOP_LENGTH, Lyra, Model


def main() -> None:
    folder = Path(sys.argv[1])
    samples = np.fromfile(sys.argv[2], np.float32)
    lyra = Lyra(folder)
    frames = samples.reshape(-1, HOP_LENGTH)
    encoder = Model(folder / "soundstream_encoder.tflite")
    decoder = Model(folder / "lyragan.tflite")
    latents = np.array([encoder.run(frame) for frame in frames])
    tokens = lyra.quantize(latents).astype(np.int32)
    columns = [frame.reshape(-1, 1, 1) for frame in tokens]
    quantized = [lyra.decode_runner(encoding_indices=column)["output_0"] for column in columns]
    jobs: dict[str, Callable[[], object]] = {
        "encode": lambda: [encoder.run(frame) for frame in frames],
        "quantize": lambda: lyra.quantize(latents),
        "dequantize": lambda: [lyra.decode_runner(encoding_indices=column) for column in columns],
        "decode": lambda: [decoder.run(frame) for frame in quantized],
    }
    print(f"ai-edge-litert {ai_edge_litert.__version__}", flush=True)
    for line in sys.stdin:
        begin = time.process_time()
        jobs[line.strip()]()
        print(time.process_time() - begin, flush=True)


if __name__ == "__main__":
    main()
