"""transformers' side of the VITS benchmark: one text a line of standard input, as symbols.

`python bench/compare/vits.py FOLDER`; FOLDER is what scripts/vits/make_vectors.py wrote. Answers with the seconds of
audio, of processor time and of wall time that one text takes: the model gives all of it at once.
"""

from __future__ import annotations

import sys
import time

import torch
from safetensors.torch import load_file
from transformers import VitsConfig, VitsModel


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(1)
    folder = sys.argv[1]
    config = VitsConfig.from_json_file(f"{folder}/config.json")
    model = VitsModel(config).eval()
    model.load_state_dict(load_file(f"{folder}/model.safetensors"))
    for module in model.modules():
        if hasattr(module, "parametrizations"):
            torch.nn.utils.parametrize.remove_parametrizations(module, "weight")
    print(f"torch {torch.__version__}", flush=True)
    for line in sys.stdin:
        symbols = torch.tensor([[int(symbol) for symbol in line.split()]])
        begin = (time.process_time(), time.perf_counter())
        waveform = model(symbols).waveform
        processor, wall = time.process_time() - begin[0], time.perf_counter() - begin[1]
        print(waveform.shape[1] / config.sampling_rate, processor, wall, flush=True)


if __name__ == "__main__":
    main()
