"""EnCodec's residual vector quantizer as PyPI ships it, timed on request.

Started by bench/compare/encodec-quantizer.ts with: codebooks file, latents file (float32, [K, N, D] and [F, D]), K, N,
D, F. Reads one command a line and answers each with one line:

    stream COUNT   quantizes COUNT frames, one a call    -> processor seconds
    batch COUNT    quantizes all F frames COUNT times    -> processor seconds
    tokens FILE    writes the tokens, uint16 [F, K]      -> ok
"""

import importlib.metadata
import importlib.util
import sys
import time
import types

import numpy as np
import torch


def import_quantizer() -> types.ModuleType:
    """Imports encodec.quantization without encodec/__init__.py, which would need torchaudio."""
    spec = importlib.util.find_spec("encodec")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("encodec is not installed")
    package = types.ModuleType("encodec")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["encodec"] = package
    return importlib.import_module("encodec.quantization")


@torch.inference_mode()
def main() -> None:
    codebooks_file, latents_file, *sizes = sys.argv[1:]
    num_codebooks, codebook_size, codebook_dim, num_frames = map(int, sizes)
    torch.set_num_threads(1)
    codebooks = np.fromfile(codebooks_file, dtype=np.float32).reshape(num_codebooks, codebook_size, codebook_dim)
    latents = np.fromfile(latents_file, dtype=np.float32).reshape(num_frames, codebook_dim)

    quantizer = import_quantizer().ResidualVectorQuantizer(
        dimension=codebook_dim, n_q=num_codebooks, bins=codebook_size
    ).eval()
    for layer, codebook in zip(quantizer.vq.layers, codebooks, strict=True):
        layer._codebook.inited.fill_(1)
        layer._codebook.embed.copy_(torch.from_numpy(codebook.copy()))
    frames = torch.from_numpy(latents.T.copy())[None]  # [1, D, F]
    singles = [frames[:, :, f : f + 1].contiguous() for f in range(num_frames)]

    print(f"torch {torch.__version__}, encodec {importlib.metadata.version('encodec')}", flush=True)
    for line in sys.stdin:
        command, argument = line.split(maxsplit=1)
        begin = time.process_time()
        if command == "stream":
            for i in range(int(argument)):
                quantizer.encode(singles[i % num_frames], 75)
            print(time.process_time() - begin, flush=True)
        elif command == "batch":
            for _ in range(int(argument)):
                quantizer.encode(frames, 75)
            print(time.process_time() - begin, flush=True)
        elif command == "tokens":
            tokens = quantizer.encode(frames, 75)[:, 0].T  # [K, 1, F] -> [F, K]
            tokens.numpy().astype(np.uint16).tofile(argument.strip())
            print("ok", flush=True)


main()
