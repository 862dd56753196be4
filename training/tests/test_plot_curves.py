"""The curves are means over the clips that every validation measured, and the picture is written."""

from __future__ import annotations

import json
from pathlib import Path

from quantone_training.plot_curves import common_clips, draw, read_log


def test_curves_use_the_clips_of_every_validation(tmp_path: Path) -> None:
    values = {"pesq": 2.0, "stoi": 0.9}
    lines = [
        {"kind": "train", "step": 50, "mel": 0.3, "rate": 0.0},
        {"kind": "validation", "step": 60},
        {"kind": "validation", "step": 70, **{k: {"mean": values, "a": values, "b": values} for k in ("6", "12")}},
        {"kind": "validation", "step": 90, **{k: {"mean": values, "a": values} for k in ("6", "12")}},
    ]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    training, validation = read_log(log)
    assert [line["step"] for line in validation] == [70, 90]
    assert common_clips(validation) == ["a"]
    draw(training, validation, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
