"""The curves are means over the clips that every validation measured, and the picture is written."""

from __future__ import annotations

import json
from pathlib import Path

from quantone_training.plot_curves import common_clips, draw, metric_curves, read_log


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


def test_vocoders_and_voices_have_curves_of_their_own(tmp_path: Path) -> None:
    vocoder = [
        {"kind": "validation", "step": step, "seconds": 1.0, **{k: {"pesq": 2.0, "stoi": stoi} for k in ("mean", "a")}}
        for step, stoi in ((10, 0.5), (20, 0.75))
    ]
    assert metric_curves(vocoder, common_clips(vocoder), "stoi") == {"copy synthesis": [(10, 0.5), (20, 0.75)]}
    voice = [{"kind": "validation", "step": 30, "stoi": 0.5, "copy_stoi": 0.75, "mel": 0.9}]
    assert metric_curves(voice, common_clips(voice), "stoi") == {
        "from the text": [(30, 0.5)],
        "from the recording": [(30, 0.75)],
    }
    assert metric_curves(voice, common_clips(voice), "pesq") == {}
    for name, lines in (("vocoder", vocoder), ("voice", voice), ("none", [])):
        draw([{"kind": "train", "step": 5, "mel": 0.5}], lines, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
