"""EnCodec at 24 kHz as PyPI ships it, with random weights, timed on request.

Started by bench/pipeline/encodec.bench.ts with a folder: audio.f32 is there (float32 at 24 kHz), weights.th is written
there. Reads one command a line and answers each with one line:

    encode SECONDS   the whole of that much audio at 6 kbps   -> processor seconds
    decode SECONDS   what it was encoded to                   -> processor seconds
    fold             takes weight norm out of the model       -> ok
    tokens SECONDS   writes tokens.u16, uint16 [F, K]         -> ok
    peak             highest resident memory so far           -> MiB
"""

import importlib.metadata
import resource
import sys
import time
import types
from pathlib import Path

import numpy as np
import torch

# encodec imports torchaudio for reading files, which nothing here does.
sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))

from encodec import EncodecModel

SAMPLE_RATE = 24_000
KBPS = 6.0


def build(folder: Path) -> EncodecModel:
    """The published architecture with random weights, which are saved the way the authors save theirs."""
    torch.manual_seed(24)
    model = EncodecModel.encodec_model_24khz(pretrained=False).eval()
    for name, tensor in model.state_dict().items():
        # PyTorch's own initialization shrinks a signal layer by layer, down to numbers that no codeword is like.
        if name.endswith("weight_g"):
            tensor.mul_(1.8)
    for layer in model.quantizer.vq.layers:
        layer._codebook.embed.copy_(0.5 * torch.randn_like(layer._codebook.embed))
        layer._codebook.inited.fill_(1)
    torch.save(model.state_dict(), folder / "weights.th")
    model.set_target_bandwidth(KBPS)
    return model


def fold_weight_norm(model: EncodecModel) -> None:
    for module in model.modules():
        if hasattr(module, "weight_g"):
            torch.nn.utils.remove_weight_norm(module)


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    audio = torch.from_numpy(np.fromfile(folder / "audio.f32", dtype=np.float32))
    with torch.inference_mode(mode=False), torch.no_grad():
        model = build(folder)
    encoded: dict[int, list] = {}
    print(f"torch {torch.__version__}, encodec {importlib.metadata.version('encodec')}", flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        seconds = int(arguments[0]) if arguments else 0
        if command in ("encode", "tokens"):
            wave = audio[: seconds * SAMPLE_RATE][None, None]
            begin = time.process_time()
            encoded[seconds] = model.encode(wave)
            answer = str(time.process_time() - begin)
            if command == "tokens":
                encoded[seconds][0][0][0].T.contiguous().numpy().astype(np.uint16).tofile(folder / "tokens.u16")
                answer = "ok"
        elif command == "decode":
            begin = time.process_time()
            model.decode(encoded[seconds])
            answer = str(time.process_time() - begin)
        elif command == "fold":
            with torch.inference_mode(mode=False), torch.no_grad():
                fold_weight_norm(model)
            answer = "ok"
        elif command == "peak":
            answer = str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        print(answer, flush=True)


main()
