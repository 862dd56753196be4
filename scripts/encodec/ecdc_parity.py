"""Files with EnCodec's language model, on recordings, from PyPI `encodec` and for it; scripts/encodec/ecdc-parity.ts reads them.

`python scripts/encodec/ecdc_parity.py make DIR FOLDER CLIP...` takes the recordings CLIP of FOLDER at 24 kHz, mono, 4 s and
6 kbps through a full-size codec with random weights, and writes DIR/lm.th in the layout of the published checkpoint, and of
each clip the codes, the range that upstream gave each of them, and upstream's file. The language model starts from random
weights and learns for some minutes from the codes of FOLDER's other recordings, so that it expects something; it is no
match for the published one.

`... check DIR` reads what ecdc-parity.ts has written in floats with upstream's decoder, and upstream's own files with
PyTorch's other attention kernel. `... time WEIGHTS` is for bench/pipeline/ecdc.bench.ts. Versions: scripts/encodec/requirements.txt, soundfile, soxr.
"""

from __future__ import annotations

import io
import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import soundfile
import soxr
import torch

# First, as it puts an empty torchaudio in place, which encodec imports and nothing here uses.
from make_vectors import build, fill_codebooks

from encodec.model import EncodecModel, LMModel
from encodec.quantization.ac import ArithmeticCoder
from safetensors.torch import load_file, save_file
from torch.nn.attention import SDPBackend, sdpa_kernel

from make_lm_vectors import Tokens

# `import encodec.compress` would give the function of that name.
upstream = import_module("encodec.compress")

ROOT = Path(__file__).resolve().parents[2]
CONFIG = json.loads((ROOT / "codecs/encodec/config-24khz.json").read_text())
NUM_CODEBOOKS = 8
CLIP_SECONDS = 4
NUM_STEPS = 40
BATCH, CONTEXT = 6, 150


class RecordingCoder(ArithmeticCoder):
    """Upstream's coder, which remembers the range of every code."""

    ranges: ClassVar[list[tuple[int, int]]] = []

    def push(self, symbol: int, quantized_cdf: torch.Tensor) -> None:
        begin = 0 if symbol == 0 else int(quantized_cdf[symbol - 1])
        self.ranges.append((begin, int(quantized_cdf[symbol])))
        super().push(symbol, quantized_cdf)


def read(path: Path) -> torch.Tensor:
    """[1, 1, T] at 24 kHz."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = soxr.resample(samples.mean(axis=1), rate, CONFIG["sampleRate"])
    return torch.from_numpy(np.ascontiguousarray(mono, dtype=np.float32))[None, None]


def codes_of(model: EncodecModel, wave: torch.Tensor) -> torch.Tensor:
    """[K, F]."""
    emb = model.encoder(wave)
    return model.quantizer.encode(emb, model.frame_rate, NUM_CODEBOOKS * 0.75)[:, 0]


def train(lm: LMModel, corpus: list[torch.Tensor]) -> None:
    """Teaches the model what follows what; the loss is printed in bits a code."""
    generator = torch.Generator().manual_seed(5)
    corpus = [codes for codes in corpus if codes.shape[1] > CONTEXT]
    optimizer = torch.optim.Adam(lm.parameters(), lr=1e-3)
    for step in range(NUM_STEPS):
        picks = [corpus[int(torch.randint(len(corpus), (1,), generator=generator))] for _ in range(BATCH)]
        begins = [int(torch.randint(codes.shape[1] - CONTEXT, (1,), generator=generator)) for codes in picks]
        batch = torch.stack([c[:, b : b + CONTEXT] for c, b in zip(picks, begins, strict=True)])
        given = torch.cat([torch.zeros_like(batch[:, :, :1]), 1 + batch[:, :, :-1]], dim=2)
        probabilities, _, _ = lm(given)
        loss = -probabilities.gather(1, batch[:, None]).log2().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0 or step == NUM_STEPS - 1:
            print(f"step {step}: {loss.item():.2f} bits a code", flush=True)


def new_lm() -> LMModel:
    torch.manual_seed(11)
    return LMModel(32, 1024, 200, num_layers=5, past_context=int(3.5 * CONFIG["frameRate"])).eval()


def make(folder: Path, recordings: Path, clips: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lm = new_lm()
    with torch.no_grad():
        model = build(CONFIG)
        others = [path for path in sorted(recordings.glob("*.flac")) if path.name not in clips]
        waves = [read(path) for path in others]
        fill_codebooks(model, model.encoder(torch.cat(waves, dim=2)[..., :480_000]))
        corpus = [codes_of(model, wave) for wave in waves]
    train(lm, corpus)
    torch.save(lm.state_dict(), folder / "lm.th")
    upstream.ArithmeticCoder = RecordingCoder
    for name in clips:
        with torch.no_grad():
            wave = read(recordings / name)[..., : CLIP_SECONDS * CONFIG["sampleRate"]]
            codes = codes_of(model, wave)
        RecordingCoder.ranges = []
        file = Tokens("encodec_24khz", [(codes[None], None)], lm).compress(wave.shape[-1])
        stem = folder / Path(name).stem
        stem.with_suffix(".upstream.ecdc").write_bytes(file)
        arrays = {
            "codes": codes.T.float(),
            "ranges": torch.tensor(RecordingCoder.ranges, dtype=torch.float32),
            "facts": torch.tensor([float(wave.shape[-1])]),
        }
        save_file({key: array.contiguous() for key, array in arrays.items()}, stem.with_suffix(".safetensors"))
        print(f"{name}: {codes.numel()} codes, {len(file)} bytes", flush=True)


def wrong_from(file: bytes, codes: torch.Tensor, lm: LMModel) -> int | None:
    """The first frame that upstream's decoder gets wrong; -1 when it raises an error, None when all are right."""
    seen: list[torch.Tensor] = []

    class Codec(Tokens):
        segment_length = segment_stride = None
        sample_rate, frame_rate, normalize = CONFIG["sampleRate"], CONFIG["frameRate"], False

        def to(self, _: Any) -> Codec:
            return self

        def decode(self, frames: list[Any]) -> torch.Tensor:
            seen.extend(frame for frame, _ in frames)
            return torch.zeros(1, 1, 1)

    upstream.MODELS["encodec_24khz"] = lambda: Codec("encodec_24khz", [], lm)
    try:
        upstream.decompress_from_file(io.BytesIO(file))
    except (EOFError, RuntimeError) as error:
        print(f"  ({type(error).__name__}: {error})")
        return -1
    different = (seen[0][0].T != codes).any(dim=1)
    return int(different.nonzero()[0]) if different.any() else None


def check(folder: Path) -> None:
    lm = new_lm()
    lm.load_state_dict(torch.load(folder / "lm.th"))
    for vectors in sorted(folder.glob("*.safetensors")):
        codes = load_file(vectors)["codes"].long()
        stem = vectors.with_suffix("")
        ours, theirs = (stem.with_suffix(f".{who}.ecdc").read_bytes() for who in ("float", "upstream"))
        same = wrong_from(theirs, codes, lm)
        with sdpa_kernel(SDPBackend.MATH):
            other = wrong_from(theirs, codes, lm)
        print(
            f"{stem.name}: first wrong frame of upstream's decoder on our file {wrong_from(ours, codes, lm)}, "
            f"on its own {same}, on its own with the other attention kernel {other}",
            flush=True,
        )
        try:
            wrong_from(stem.with_suffix(".integer.ecdc").read_bytes(), codes, lm)
            raise SystemExit("upstream read a file of integers")
        except ValueError as error:
            print(f"  file of integers: ValueError: {error}")


def time_upstream(weights: Path) -> None:
    """Prints how many seconds of audio upstream writes in a second of processor time."""
    lm = new_lm()
    lm.load_state_dict(torch.load(weights))
    codes = torch.randint(1024, (1, NUM_CODEBOOKS, 2 * CONFIG["frameRate"]))
    tokens = Tokens("encodec_24khz", [(codes, None)], lm)
    begin = time.process_time()
    tokens.compress(2 * CONFIG["sampleRate"])
    print(2 / (time.process_time() - begin))


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
    elif sys.argv[1] == "time":
        time_upstream(Path(sys.argv[2]))
    else:
        check(Path(sys.argv[2]))
