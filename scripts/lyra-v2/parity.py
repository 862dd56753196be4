#!/usr/bin/env python3
"""What Lyra V2's published files give under LiteRT, for scripts/lyra-v2/parity.ts to compare with.

    pip install -r scripts/lyra-v2/requirements.txt
    python scripts/lyra-v2/parity.py MODELS OUT CLIP_OR_FOLDER...

MODELS is the folder of the three TFLite files. For each clip, mixed to one channel at 16 kHz and cut to whole frames,
OUT gets little-endian arrays: NAME.samples.f32 [T], NAME.latents.f32 [F, 64], NAME.tokens.u16 [F, 46],
NAME.K.samples.f32 [T] decoded from the first K stages, NAME.K.lyra the packets; and clips.json with the names.
"""

import argparse
import json
import pathlib

import numpy as np
import soundfile
import soxr
from ai_edge_litert.interpreter import Interpreter, OpResolverType

SAMPLE_RATE = 16_000
HOP_LENGTH = 320
NUM_STAGES = 46
RATES = {16: 3200, 30: 6000, 46: 9200}
AUDIO_ENDINGS = {".wav", ".flac"}


class Model:
    """One file as a function from frame to frame, with XNNPACK as the default delegate."""

    def __init__(self, path: pathlib.Path, kernels: OpResolverType = OpResolverType.AUTO) -> None:
        self.interpreter = Interpreter(str(path), num_threads=1, experimental_op_resolver_type=kernels)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]
        self.output = self.interpreter.get_output_details()[0]

    def run(self, frame: np.ndarray) -> np.ndarray:
        """Takes a frame of the input's shape, or of its numbers."""
        self.interpreter.set_tensor(self.input["index"], frame.reshape(self.input["shape"]).astype(np.float32))
        self.interpreter.invoke()
        return self.interpreter.get_tensor(self.output["index"]).reshape(-1).copy()


class Lyra:
    """The three files; networks with a memory are opened anew for each signal."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.quantizer = Interpreter(str(folder / "quantizer.tflite"), num_threads=1)
        self.encode_runner = self.quantizer.get_signature_runner("encode")
        self.decode_runner = self.quantizer.get_signature_runner("decode")

    def encode(self, samples: np.ndarray, kernels: OpResolverType = OpResolverType.AUTO) -> np.ndarray:
        """Samples [T] -> latents [F, 64]."""
        encoder = Model(self.folder / "soundstream_encoder.tflite", kernels)
        return np.array([encoder.run(frame) for frame in samples.reshape(-1, HOP_LENGTH)])

    def quantize(self, latents: np.ndarray) -> np.ndarray:
        """Latents [F, 64] -> tokens [F, 46]."""
        frames = (frame.reshape(1, 1, -1) for frame in latents)
        outputs = [
            self.encode_runner(input_frames=frame, num_quantizers=np.int32(NUM_STAGES))["output_0"].reshape(-1)
            for frame in frames
        ]
        return np.array(outputs)

    def decode(self, tokens: np.ndarray, num_stages: int) -> np.ndarray:
        """Tokens [F, 46], of which the first stages count -> samples [T]."""
        decoder = Model(self.folder / "lyragan.tflite")
        used = np.where(np.arange(NUM_STAGES) < num_stages, tokens, -1).astype(np.int32)
        quantized = [self.decode_runner(encoding_indices=frame.reshape(-1, 1, 1))["output_0"] for frame in used]
        return np.concatenate([decoder.run(frame) for frame in quantized])


def packets(tokens: np.ndarray, num_stages: int) -> bytes:
    """The packets as google/lyra packs them: a number of 4 bits a stage, the first stage highest, big end first."""
    packed = bytearray()
    for frame in tokens:
        number = 0
        for token in frame[:num_stages]:
            number = number << 4 | int(token)
        packed += number.to_bytes(num_stages // 2, "big")
    return bytes(packed)


def read_clip(path: pathlib.Path) -> np.ndarray:
    """One channel at 16 kHz, whole frames."""
    audio, rate = soundfile.read(path, dtype="float64", always_2d=True)
    mono = audio.mean(1)
    resampled = mono if rate == SAMPLE_RATE else soxr.resample(mono, rate, SAMPLE_RATE)
    samples = np.clip(resampled, -1, 1).astype(np.float32)
    return samples[: len(samples) // HOP_LENGTH * HOP_LENGTH]


def find_clips(paths: list[pathlib.Path]) -> list[pathlib.Path]:
    """The files, and those of folders."""
    found: list[pathlib.Path] = []
    for path in paths:
        found += sorted(path.iterdir()) if path.is_dir() else [path]
    return [path for path in found if path.suffix in AUDIO_ENDINGS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("clips", type=pathlib.Path, nargs="+")
    parser.add_argument(
        "--without-xnnpack",
        action="store_true",
        help="tell how many tokens TFLite's own kernels give alike, and no more",
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    lyra = Lyra(arguments.models)
    names = []
    for path in find_clips(arguments.clips):
        name = path.stem
        samples = read_clip(path)
        latents = lyra.encode(samples)
        tokens = lyra.quantize(latents)
        if arguments.without_xnnpack:
            own = lyra.quantize(lyra.encode(samples, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES))
            print(f"{name}: {(own == tokens).mean():.1%} of {tokens.size} tokens alike", flush=True)
            continue
        samples.astype("<f4").tofile(arguments.out / f"{name}.samples.f32")
        latents.astype("<f4").tofile(arguments.out / f"{name}.latents.f32")
        tokens.astype("<u2").tofile(arguments.out / f"{name}.tokens.u16")
        for num_stages in RATES:
            decoded = lyra.decode(tokens, num_stages)
            decoded.astype("<f4").tofile(arguments.out / f"{name}.{num_stages}.samples.f32")
            (arguments.out / f"{name}.{num_stages}.lyra").write_bytes(packets(tokens, num_stages))
        names.append(name)
        print(f"{name}: {len(tokens)} frames", flush=True)
    (arguments.out / "clips.json").write_text(json.dumps(names))


if __name__ == "__main__":
    main()
