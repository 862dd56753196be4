"""Settings of a VITS run, read from TOML."""

from __future__ import annotations

from dataclasses import dataclass

from ..hifigan.settings import AdversarialRunSettings


@dataclass(frozen=True, kw_only=True)
class VitsSettings(AdversarialRunSettings):
    """One run. A batch is of so many utterances, each of which gives one random segment to the decoder."""

    segment_frames: int
    diagonal_steps: int
    """For so many steps the alignment is drawn towards the diagonal, less and less."""
    kl_weight: float = 1.0
    duration_weight: float = 1.0
