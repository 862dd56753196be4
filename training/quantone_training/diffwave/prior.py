"""log_mel [B, M, F] -> the level of the noise that a waveform begins from, [B, T], T = F * hop.

Noise as loud as the speech is loud here, in place of one level for all: in that, quiet speech drowns until the last
steps, and the others learn nothing of it. The diffusion runs on the waveform over this level, in noise of level one.
Source: Lee et al. 2022, "PriorGrad", section 4.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..hifigan.features import mel_filters
from .config import DiffwaveConfig


def prior_level(log_mel: torch.Tensor, config: DiffwaveConfig) -> torch.Tensor:
    """Root of the power over all bands, frame by frame, on straight lines between the frames' middles."""
    prior, hop = config.adaptive_prior, config.mel.hop_length
    if prior is None:
        return log_mel.new_ones(log_mel.shape[0], log_mel.shape[2] * hop)
    # A filter of the area one is as high as it is narrow: over its height, squared magnitudes count by bandwidth.
    heights = mel_filters(config.mel).amax(1).to(log_mel.device)
    power = ((2 * log_mel).exp() / heights.where(heights > 0, 1)[:, None]).sum(1, keepdim=True)
    levels = (prior.scale * power.sqrt()).clamp_min(prior.floor)
    return F.interpolate(levels, scale_factor=hop, mode="linear", align_corners=False)[:, 0]
