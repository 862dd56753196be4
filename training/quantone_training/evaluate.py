"""Quality of a codec at several bitrates: clips -> tokens -> clips -> PESQ-wb, STOI, log-mel distance, ViSQOL, DNSMOS.

`python -m quantone_training.evaluate --weights speech-16k.safetensors --group lyra=CLIP.wav ... --out evaluation.json`
Measures the weights file as it ships. ViSQOL needs the package `visqol-python`, DNSMOS the model given by --dnsmos.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .codec import Codec
from .config import load_codec_config
from .data import load_clip
from .dnsmos import Dnsmos
from .export_weights import load_checkpoint, load_weights
from .metrics import METRIC_SAMPLE_RATE, align, at_metric_rate, mean_metrics, measure
from .rvq import perplexity
from .train import roundtrip

Scorer = Callable[[np.ndarray, np.ndarray], dict[str, float]]


def visqol_scorer() -> Scorer:
    """ViSQOL in speech mode with the lattice model; its own MOS-LQO."""
    from visqol import VisqolApi

    def score(reference: np.ndarray, decoded: np.ndarray) -> dict[str, float]:
        api = VisqolApi()
        api.create(mode="speech", use_lattice_model=True)
        return {"visqol": float(api.measure_from_arrays(reference, decoded, METRIC_SAMPLE_RATE).moslqo)}

    return score


def dnsmos_scorer(model: Path) -> Scorer:
    dnsmos = Dnsmos(model)
    return lambda _reference, decoded: dnsmos.score(decoded)


def evaluate_clip(codec: Codec, clip: np.ndarray, stages: int, scorers: list[Scorer]) -> dict[str, float]:
    """Every metric of one clip with so many stages."""
    reference, decoded = (at_metric_rate(x, codec.config.sample_rate) for x in (clip, roundtrip(codec, clip, stages)))
    row = measure(reference, decoded)
    aligned, _ = align(reference, decoded)
    for scorer in scorers:
        row |= scorer(reference, aligned)
    return row


@torch.no_grad()
def stage_perplexities(codec: Codec, clips: list[np.ndarray]) -> list[float]:
    """Effective number of codewords in use, stage by stage, over all clips."""
    tokens = torch.cat([codec.encode(torch.from_numpy(clip)[None, None])[0] for clip in clips], 1)
    return [perplexity(stage, codec.rvq.codebook_size) for stage in tokens]


def evaluate(codec: Codec, groups: dict[str, list[Path]], stages: list[int], scorers: list[Scorer]) -> dict[str, Any]:
    """Means per group and number of stages, every clip's row, and the codebooks' perplexities."""
    rate = codec.config.sample_rate
    bits = float(np.log2(codec.rvq.codebook_size)) * codec.config.frame_rate
    result: dict[str, Any] = {"groups": {}, "perplexity": {}}
    for name, paths in groups.items():
        clips = {path.stem: load_clip(path, rate) for path in paths}
        result["perplexity"][name] = stage_perplexities(codec, list(clips.values()))
        by_rate: dict[str, Any] = {}
        for count in stages:
            rows = {stem: evaluate_clip(codec, clip, count, scorers) for stem, clip in clips.items()}
            mean = mean_metrics(list(rows.values()))
            by_rate[str(count)] = {"bitsPerSecond": count * bits, "mean": mean, "clips": rows}
            print(
                name, f"{count * bits / 1000:g} kbps", {key: round(value, 3) for key, value in mean.items()}, flush=True
            )
        result["groups"][name] = by_rate
    return result


def markdown_table(result: dict[str, Any]) -> str:
    """The means as a Markdown table."""
    names: list[str] = []
    lines: list[str] = []
    for group, by_rate in result["groups"].items():
        for entry in by_rate.values():
            names = names or [name for name in entry["mean"] if name != "lag"]
            values = " | ".join(f"{entry['mean'][name]:.3f}" for name in names)
            lines.append(f"| {group} | {entry['bitsPerSecond'] / 1000:g} | {values} |")
    return "\n".join([f"| clips | kbps | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|", *lines])


def parse_group(text: str) -> tuple[str, list[Path]]:
    """`name=PATH` where PATH is a file, a folder, or a pattern such as `folder/*.flac`."""
    name, _, pattern = text.partition("=")
    path = Path(pattern)
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if p.suffix in (".wav", ".flac", ".ogg", ".opus", ".mp3"))
    else:
        found = sorted(path.parent.glob(path.name))
    if not name or not found:
        raise argparse.ArgumentTypeError(f'"--group" expected name=PATH with at least one clip, got {text!r}')
    return name, found


def main(arguments: list[str] | None = None) -> None:
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--weights", type=Path, default=root / "codecs/speech-16k/weights/speech-16k.safetensors")
    source.add_argument("--checkpoint", type=Path, help="a run's checkpoint instead of a weights file")
    parser.add_argument("--config", type=Path, default=root / "codecs/speech-16k/config.json")
    parser.add_argument("--group", type=parse_group, action="append", required=True, help="name=PATH, may be repeated")
    parser.add_argument("--stages", type=int, nargs="+", default=[3, 6, 12])
    parser.add_argument("--visqol", action="store_true")
    parser.add_argument("--dnsmos", type=Path, help="sig_bak_ovr.onnx")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    scorers = [visqol_scorer()] if options.visqol else []
    if options.dnsmos:
        scorers.append(dnsmos_scorer(options.dnsmos))
    if options.checkpoint:
        codec = load_checkpoint(options.checkpoint).network
    else:
        codec = load_weights(options.weights, load_codec_config(options.config))
    result = evaluate(codec, dict(options.group), options.stages, scorers)
    result["versions"] = {"python": platform.python_version(), "torch": torch.__version__}
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(markdown_table(result))


if __name__ == "__main__":
    main()
