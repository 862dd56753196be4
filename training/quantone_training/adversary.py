"""The adversarial phase: the discriminators with their optimizer, and the terms they add to the codec's loss."""

from __future__ import annotations

from typing import Any

import torch

from .discriminator import Discriminators, adversarial_loss, discriminator_loss, feature_loss
from .settings import AdversarialSettings
from .training_loop import autocast

QUIETEST_LEVEL = 1e-3
"""Crops are lifted to a level of one as far as this allows: pauses stay pauses."""


def at_level_of_one(clean: torch.Tensor, generated: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both [B, 1, T] over the level of the clean one.

    Speech comes at a twentieth of full scale and less: as it is, discriminators hear little but their own biases.
    """
    level = clean.square().mean(2, keepdim=True).sqrt() + QUIETEST_LEVEL
    return clean / level, generated / level


class Adversary:
    """Alternates: on even steps the discriminators learn, on odd steps the codec hears them."""

    def __init__(self, settings: AdversarialSettings, sample_rate: int, device: torch.device) -> None:
        self.settings = settings
        self.device = device
        self.num_samples = round(settings.crop_seconds * sample_rate)
        self.step = 0
        self.discriminators = Discriminators(settings.channels).to(device)
        self.optimizer = torch.optim.AdamW(
            self.discriminators.parameters(), lr=settings.learning_rate, betas=(0.8, 0.99)
        )

    @property
    def is_warm(self) -> bool:
        """Whether the discriminators have learned for long enough to be worth hearing."""
        return self.step >= self.settings.warmup_steps

    def crop(self, clean: torch.Tensor, decoded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The same random stretch of both, [B, 1, T], at a level of one."""
        span = max(1, clean.shape[2] - self.num_samples + 1)
        start = int(torch.randint(span, (1,)))
        stretch = slice(start, start + self.num_samples)
        return at_level_of_one(clean[:, :, stretch], decoded[:, :, stretch])

    def learn(self, clean: torch.Tensor, decoded: torch.Tensor) -> float:
        """One discriminator step; returns its loss (1 means it tells nothing apart, 0 that it tells everything)."""
        clean, decoded = self.crop(clean, decoded.detach())
        with autocast(self.device):
            loss = discriminator_loss(self.discriminators(clean), self.discriminators(decoded))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.step += 1
        return float(loss.detach())

    def judge(self, clean: torch.Tensor, decoded: torch.Tensor) -> dict[str, torch.Tensor]:
        """The codec's two terms: adversarial and feature matching."""
        clean, decoded = self.crop(clean, decoded)
        self.discriminators.requires_grad_(False)
        with autocast(self.device):
            with torch.no_grad():
                real = self.discriminators(clean)
            fake = self.discriminators(decoded)
        self.discriminators.requires_grad_(True)
        return {"adversarial": adversarial_loss(fake), "feature": feature_loss(real, fake)}

    def state_dict(self) -> dict[str, Any]:
        states = {"discriminators": self.discriminators.state_dict(), "optimizer": self.optimizer.state_dict()}
        return {**states, "step": self.step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.discriminators.load_state_dict(state["discriminators"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
