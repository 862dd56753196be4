"""Judges what `decode-clips.ts` wrote: PESQ-wb, STOI, ViSQOL and DNSMOS of every codec and bitrate, as table and plot.

`python bench/quality/measure.py DECODED --dnsmos sig_bak_ovr.onnx --json docs/quality.json --table T.md --plot P.png`
DECODED holds `reference/` and one folder `CODEC-BITRATE/` each, with clips of the same names. Rows that stand in the
JSON are kept when the decoded file is the same (SHA-256): a run that adds a codec measures that codec alone.
Needs `pip install "./training[test]" visqol-python`.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import math
import platform
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from quantone_training.data import load_clip, to_length
from quantone_training.dnsmos import Dnsmos
from quantone_training.metrics import METRIC_SAMPLE_RATE, align, mean_metrics, measure
from visqol import VisqolApi

COLUMNS = {
    "pesq": "PESQ-wb",
    "stoi": "STOI",
    "visqol": "ViSQOL",
    "ovrl": "DNSMOS OVRL",
    "log_mel": "log-mel distance",
}
"""What the table shows; the JSON has every metric."""

Judge = Callable[[Path, Path], dict[str, float]]
"""Metrics of one clip, from the files of what the codec was given and what it made of it."""


@functools.cache
def load_dnsmos(model: Path) -> Dnsmos:
    """Once a process: a session does not travel between them."""
    return Dnsmos(model)


def judge(reference_path: Path, decoded_path: Path, model: Path, *, is_aligned: bool = False) -> dict[str, float]:
    """Every metric of one clip at 16 kHz, aligned by whole samples unless it is already."""
    reference, decoded = (load_clip(path, METRIC_SAMPLE_RATE) for path in (reference_path, decoded_path))
    if is_aligned:
        decoded = to_length(decoded, len(reference))
    row = measure(reference, decoded, is_aligned=is_aligned)
    aligned = decoded.astype(np.float64)
    if not is_aligned:
        aligned, _ = align(reference.astype(np.float64), aligned)
    visqol = VisqolApi()
    visqol.create(mode="speech", use_lattice_model=True)
    row["visqol"] = float(visqol.measure_from_arrays(reference.astype(np.float64), aligned, METRIC_SAMPLE_RATE).moslqo)
    return row | load_dnsmos(model).score(aligned)


def judge_folder(folder: Path, known: dict[str, Any], judge_clip: Judge, pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Rows by clip, each with the digest of the file that it was measured on; known rows of the same file are kept."""
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in sorted(folder.glob("*.wav"))}
    fresh = {
        path: pool.submit(judge_clip, folder.parent / "reference" / path.name, path)
        for path, digest in digests.items()
        if known.get(path.stem, {}).get("sha256") != digest
    }
    rows: dict[str, Any] = {}
    for path, digest in digests.items():
        if path not in fresh:
            rows[path.stem] = known[path.stem]
            continue
        scores = {name: round(value, 4) for name, value in fresh[path].result().items()}
        print(folder.name, path.stem, scores, flush=True)
        # A clip in which PESQ finds no utterance has none; JSON knows no NaN.
        judged = {name: None if math.isnan(value) else value for name, value in scores.items()}
        rows[path.stem] = judged | {"sha256": digest}
    return rows


def codec_and_rate(folder: str) -> tuple[str, int]:
    """`speech-16k-3000` -> (`speech-16k`, 3000); the reference has rate 0."""
    codec, _, rate = folder.rpartition("-")
    return (codec, int(rate)) if codec else (folder, 0)


def means(clips: dict[str, Any]) -> dict[str, float]:
    rows = [{k: np.nan if v is None else v for k, v in row.items() if k != "sha256"} for row in clips.values()]
    return {name: round(value, 4) for name, value in mean_metrics(rows).items()}


def summary(rows: dict[tuple[str, int], Any]) -> dict[str, Any]:
    """What the JSON holds: an entry for each codec and bitrate, with its means and clips."""
    entries = [
        {"codec": codec, "bitsPerSecond": rate, "mean": means(clips), "clips": clips}
        for (codec, rate), clips in sorted(rows.items())
    ]
    return {"python": platform.python_version(), "codecs": entries}


def write_table(path: Path, result: dict[str, Any]) -> None:
    """A Markdown table of means, codec by codec."""
    lines = [
        f"| codec | kbps | {' | '.join(COLUMNS.values())} |",
        "|---" * (len(COLUMNS) + 2) + "|",
    ]
    for entry in result["codecs"]:
        rate = f"{entry['bitsPerSecond'] / 1000:g}" if entry["bitsPerSecond"] else ""
        values = " | ".join(f"{entry['mean'][name]:.3f}" for name in COLUMNS)
        lines.append(f"| {entry['codec']} | {rate} | {values} |")
    path.write_text("\n".join(lines) + "\n")


def plot(path: Path, result: dict[str, Any]) -> None:
    """Each metric over the bitrate, a line a codec."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    shown = [name for name in COLUMNS if name != "log_mel"]
    figure, axes = plt.subplots(1, len(shown), figsize=(4 * len(shown), 3.4), layout="constrained")
    for axis, metric in zip(axes, shown, strict=True):
        for codec in dict.fromkeys(entry["codec"] for entry in result["codecs"] if entry["bitsPerSecond"]):
            points = [(e["bitsPerSecond"] / 1000, e["mean"][metric]) for e in result["codecs"] if e["codec"] == codec]
            axis.plot(*zip(*points, strict=True), marker="o", label=codec)
        axis.set(title=COLUMNS[metric], xlabel="kbps")
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("decoded", type=Path)
    parser.add_argument("--dnsmos", type=Path, required=True, help="sig_bak_ovr.onnx")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--aligned", action="store_true", help="search no delay: vocoders make phases of their own")
    parser.add_argument("--jobs", type=int, default=1, help="clips judged at the same time")
    options = parser.parse_args()
    known = json.loads(options.json.read_text())["codecs"] if options.json.exists() else []
    rows = {(entry["codec"], entry["bitsPerSecond"]): entry["clips"] for entry in known}
    with ProcessPoolExecutor(options.jobs) as pool:
        for folder in sorted(path for path in options.decoded.iterdir() if path.is_dir()):
            key = codec_and_rate(folder.name)
            judge_clip = functools.partial(judge, model=options.dnsmos, is_aligned=options.aligned)
            rows[key] = judge_folder(folder, rows.get(key, {}), judge_clip, pool)
            result = summary(rows)
            options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.table:
        write_table(options.table, result)
    if options.plot:
        plot(options.plot, result)


if __name__ == "__main__":
    main()
