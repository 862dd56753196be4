"""Crops [B, 1, T] -> the log-mel [B, M, F] that a codec's decoder predicts of their tokens, for vocoders to learn from.

What a network predicts of a mel is smoother than any recording's, and a vocoder that heard recordings alone makes rough
speech of it. Source: Kong et al. 2020 (HiFi-GAN), section 3.4, where the predictions are those of text to speech.
"""

from __future__ import annotations

from pathlib import Path

import torch

from .codec import Codec
from .config import load_codec_config
from .export_weights import load_weights
from .training_loop import autocast

MIN_STAGES = 3
"""Fewer codebooks than make speech are of no use to a vocoder."""

LEAD_FRAMES = 16
"""Frames of the codec before a crop, for its causal networks to settle in."""


class DecodedMel:
    """A trained codec that holds still."""

    def __init__(self, weights: Path, config: Path, device: torch.device) -> None:
        self.codec: Codec = load_weights(weights, load_codec_config(config)).to(device)
        self.hop_length = self.codec.config.hop_length

    @property
    def shape(self) -> tuple[int, int, int]:
        """Sample rate, hop and bands of the mel that is decoded."""
        config = self.codec.config
        return config.sample_rate, config.mel.hop_length, config.mel.num_mels

    @property
    def lead_samples(self) -> int:
        return LEAD_FRAMES * self.hop_length

    @property
    def tail_samples(self) -> int:
        """What the decoder hears ahead of a crop's last frame."""
        return self.codec.config.decoder.lookahead_frames * self.hop_length

    @torch.no_grad()
    def predict(self, crops: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """Crops with lead and tail around them -> log-mels of what lies between, at one random bitrate.

        Lead, crop and tail are whole frames of the codec.
        """
        most = self.codec.rvq.num_codebooks
        num_stages = int(torch.randint(min(MIN_STAGES, most), most + 1, (1,), generator=random))
        with autocast(crops.device):
            tokens = self.codec.encode(crops, num_stages)
            log_mel: torch.Tensor = self.codec.decoder(self.codec.rvq.decode(tokens)).log_mel
        per_frame = self.hop_length // self.codec.config.mel.hop_length
        end = (crops.shape[2] - self.tail_samples) // self.hop_length
        return log_mel[:, :, LEAD_FRAMES * per_frame : end * per_frame]
