"""Writes docs/robustness.md from docs/robustness.json and docs/quality-lost-frames.json: rules, verdicts and tables.

`python bench/quality/robustness_page.py docs/robustness.json docs/quality-lost-frames.json --page docs/robustness.md`
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from robustness import INAUDIBLE_DB
from robustness_clips import Condition, conditions

OURS = {1.5: "speech-16k-1500", 3: "speech-16k-3000", 6: "speech-16k-6000"}
BEST = OURS[6]
GIVEN, LYRA, OPUS = "reference", "lyra-v2-6000", "opus-12000"
CONTROL = "forgetful-6000"

MAX_LEVEL_CHANGE_DB = 3.0
MAX_BEYOND_FULL_SCALE = 0.001
MAX_BORDER_STEP_DB = 6.0
MAX_REPEATED_SHARE = 0.02
MAX_EXTRA_DNSMOS_LOSS = 0.2
MAX_EXTRA_STOI_LOSS = 0.05
MIN_PERPLEXITY_SHARE = 0.5

TEMPLATE = Path(__file__).with_name("robustness.template.md")

Row = dict[str, float]


@dataclass(frozen=True)
class Report:
    """What was measured, by condition."""

    codecs: dict[str, Any]
    streams: dict[str, Any]

    def row(self, codec: str, condition: Condition) -> Row:
        clip = self.codecs[codec][f"{condition.group}--{condition.name}"]
        return {name: np.nan if value is None else value for name, value in clip.items()}

    def dnsmos_loss(self, codec: str, condition: Condition) -> float:
        return self.row(GIVEN, condition)["ovrl"] - self.row(codec, condition)["ovrl"]

    def stoi_loss(self, codec: str, condition: Condition) -> float:
        """Intelligibility that the codec takes away, both sides against clean speech where that is at hand."""
        given, decoded = self.row(GIVEN, condition), self.row(codec, condition)
        name = "stoi_to_clean" if condition.group == "degraded" else "stoi"
        return given[name] - decoded[name]

    def perplexity(self, condition: Condition) -> float:
        return float(np.mean(self.streams["conditions"][condition.name]["perplexity"]))


CLEAN = Condition("clean", "clean")

Rule = Callable[[Report, str, Condition], bool]


def level_holds(report: Report, codec: str, condition: Condition) -> bool:
    if report.row(GIVEN, condition)["level"] < INAUDIBLE_DB:
        return report.row(codec, condition)["level"] < INAUDIBLE_DB
    return abs(report.row(codec, condition)["level_change"]) <= MAX_LEVEL_CHANGE_DB


def borders_hold(report: Report, codec: str, condition: Condition) -> bool:
    return not report.row(codec, condition)["border_step"] > MAX_BORDER_STEP_DB


def repeats_little(report: Report, codec: str, condition: Condition) -> bool:
    given, decoded = (report.row(name, condition)["repeated_share"] for name in (GIVEN, codec))
    return not decoded - np.nan_to_num(given) > MAX_REPEATED_SHARE


def quality_holds(report: Report, codec: str, condition: Condition) -> bool:
    if not condition.is_speech:
        return True
    return report.dnsmos_loss(codec, condition) <= report.dnsmos_loss(codec, CLEAN) + MAX_EXTRA_DNSMOS_LOSS


def words_hold(report: Report, codec: str, condition: Condition) -> bool:
    if not condition.is_speech:
        return True
    return report.stoi_loss(codec, condition) <= report.stoi_loss(codec, CLEAN) + MAX_EXTRA_STOI_LOSS


def tokens_hold(report: Report, codec: str, condition: Condition) -> bool:
    if not condition.is_speech:
        return True
    return report.perplexity(condition) >= MIN_PERPLEXITY_SHARE * report.perplexity(CLEAN)


RULES: dict[str, Rule] = {
    "not finite": lambda report, codec, condition: report.row(codec, condition)["not_finite"] == 0,
    "level": level_holds,
    "full scale": lambda report, codec, condition: (
        report.row(codec, condition)["beyond_full_scale"] <= MAX_BEYOND_FULL_SCALE
    ),
    "borders": borders_hold,
    "repeats": repeats_little,
    "DNSMOS": quality_holds,
    "STOI": words_hold,
    "tokens": tokens_hold,
}


def broken_rules(report: Report, condition: Condition) -> dict[str, list[str]]:
    """The rules that a condition breaks, each with the bitrates at which it does, kbps."""
    broken = {
        name: [f"{rate:g}" for rate, codec in OURS.items() if not rule(report, codec, condition)]
        for name, rule in RULES.items()
    }
    streams = report.streams["conditions"][condition.name]
    if streams["differentTokens"] or streams["largestSampleDifference"]:
        broken["streams"] = [f"{rate:g}" for rate in OURS]
    return {name: rates for name, rates in broken.items() if rates}


def verdict(report: Report, condition: Condition) -> str:
    broken = broken_rules(report, condition)
    texts = [name if len(rates) == len(OURS) else f"{name} ({', '.join(rates)})" for name, rates in broken.items()]
    return "; ".join(texts) or "holds"


def count_broken(report: Report, known: list[Condition]) -> str:
    """How many conditions break each rule."""
    counts = Counter(name for condition in known for name in broken_rules(report, condition))
    return ", ".join(f"{name} in {count}" for name, count in counts.most_common()) or "none"


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(columns)]
    lines += [["---"] * len(lines[0]), *map(list, rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return "" if np.isnan(value) else text.removeprefix("-") if float(text) == 0 else text


def verdicts(report: Report, shown: list[Condition]) -> str:
    def cells(condition: Condition) -> list[str]:
        given, best = report.row(GIVEN, condition), report.row(BEST, condition)
        changes = [number(report.row(codec, condition)["level_change"], 1) for codec in OURS.values()]
        is_silent = given["level"] < INAUDIBLE_DB
        levels = [number(report.row(codec, condition)["level"], 0) for codec in OURS.values()]
        return [
            condition.name,
            number(given["level"], 0),
            " / ".join(levels if is_silent else changes) + (" out" if is_silent else ""),
            number(best["peak"], 2),
            number(best["border_step"], 1),
            number(best["repeated_share"], 3),
            number(report.perplexity(condition), 0),
            verdict(report, condition),
        ]

    columns = (
        "what was given", "its level, dB", "level change at 1.5 / 3 / 6 kbps, dB", "peak", "border step, dB",
        "repeated share", "perplexity", "rules broken (kbps)",
    )  # fmt: skip
    return table(columns, map(cells, shown))


def qualities(report: Report, shown: list[Condition]) -> str:
    def cells(condition: Condition) -> list[str]:
        given, best = report.row(GIVEN, condition), report.row(BEST, condition)
        return [
            condition.name,
            number(given["ovrl"], 2),
            " / ".join(number(report.row(codec, condition)["ovrl"], 2) for codec in OURS.values()),
            *(number(report.row(codec, condition)["ovrl"], 2) for codec in (LYRA, OPUS)),
            " / ".join(number(best[name] - given[name], 2) for name in ("sig", "bak")),
            " / ".join(number(report.stoi_loss(codec, condition), 3) for codec in OURS.values()),
            *(number(report.stoi_loss(codec, condition), 3) for codec in (LYRA, OPUS)),
            number(best["pesq"], 2),
        ]

    columns = (
        "what was given", "its OVRL", "OVRL at 1.5 / 3 / 6 kbps", "Lyra V2 6", "Opus 12",
        "SIG / BAK change at 6", "STOI lost at 1.5 / 3 / 6", "Lyra V2 6", "Opus 12", "PESQ-wb at 6",
    )  # fmt: skip
    return table(columns, map(cells, shown))


def sounds(report: Report, shown: list[Condition]) -> str:
    codecs = [*OURS.values(), LYRA, OPUS]

    def cells(condition: Condition) -> list[str]:
        distances = [number(report.row(codec, condition)["log_mel"], 3) for codec in codecs]
        return [condition.name, *distances]

    columns = ("log-mel distance", "1.5 kbps", "3 kbps", "6 kbps", "Lyra V2 6", "Opus 12")
    return table(columns, map(cells, shown))


def lost_frames(entries: list[dict[str, Any]]) -> str:
    """Concealment by the decoder beside the last frame once more, from what lost-frames.sh measured."""
    means = {(entry["codec"], entry["bitsPerSecond"]): entry["mean"] for entry in entries}
    whole = next(mean for (codec, rate), mean in means.items() if rate and "lost" not in codec)
    rows = [["none", *(cell for name in ("stoi", "pesq", "ovrl") for cell in (f"{whole[name]:.3f}", ""))]]
    for share in (5, 10, 20):
        told, repeated = (means[f"speech-16k {share} % lost {way}", 6000] for way in ("decoder", "repeat"))
        scores = [f"{mean[name]:.3f}" for name in ("stoi", "pesq", "ovrl") for mean in (told, repeated)]
        rows.append([f"{share} %", *scores])
    columns = (
        "frames lost", "STOI: decoder conceals", "frame repeated", "PESQ-wb: decoder conceals", "frame repeated",
        "DNSMOS OVRL: decoder conceals", "frame repeated",
    )  # fmt: skip
    return table(columns, rows)


def page(report: Report, lost: list[dict[str, Any]]) -> str:
    known = list(conditions())
    holding = [condition.name for condition in known if not broken_rules(report, condition)]
    return TEMPLATE.read_text().format(
        revision=report.streams["revision"],
        num_holding=len(holding),
        num_conditions=len(known),
        holding=": " + "; ".join(holding) if holding else "",
        broken=count_broken(report, known),
        lyra_repeats=report.row(LYRA, CLEAN)["repeated_share"],
        opus_repeats=report.row(OPUS, CLEAN)["repeated_share"],
        our_repeats=report.row(BEST, CLEAN)["repeated_share"],
        speech_level=report.row(GIVEN, CLEAN)["level"],
        control_step=report.row(CONTROL, CLEAN)["border_step"],
        inaudible=INAUDIBLE_DB,
        level_change=MAX_LEVEL_CHANGE_DB,
        beyond_full_scale=MAX_BEYOND_FULL_SCALE,
        border_step=MAX_BORDER_STEP_DB,
        repeated_share=MAX_REPEATED_SHARE,
        dnsmos_loss=MAX_EXTRA_DNSMOS_LOSS,
        stoi_loss=MAX_EXTRA_STOI_LOSS,
        perplexity_share=MIN_PERPLEXITY_SHARE,
        verdicts=verdicts(report, known),
        qualities=qualities(report, [condition for condition in known if condition.is_speech]),
        sounds=sounds(report, [condition for condition in known if condition.group == "sound"]),
        lost_frames=lost_frames(lost),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("robustness", type=Path)
    parser.add_argument("lost_frames", type=Path)
    parser.add_argument("--page", type=Path, required=True)
    options = parser.parse_args()
    report = Report(**json.loads(options.robustness.read_text()))
    lost = json.loads(options.lost_frames.read_text())["codecs"]
    options.page.write_text(page(report, lost))


if __name__ == "__main__":
    main()
