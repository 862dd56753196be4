"""The discriminators of a run with their optimizer: they learn from the generator's output, then judge it."""

from __future__ import annotations

import torch

from ..adversary import at_level_of_one
from ..training_loop import autocast, guarded_step
from .discriminators import Discriminators
from .losses import adversarial_loss, discriminator_loss, feature_loss
from .settings import AdversarialRunSettings

BETAS = (0.8, 0.99)


def adamw(network: torch.nn.Module) -> torch.optim.Optimizer:
    """The paper's optimizer; its learning rate is set before each step."""
    return torch.optim.AdamW(network.parameters(), lr=0.0, betas=BETAS, fused=True)


class Adversary:
    """Hears a random stretch of each crop: discriminators are the most expensive part of a step."""

    def __init__(self, settings: AdversarialRunSettings, hop_length: int, device: torch.device) -> None:
        self.num_samples, self.hop_length = settings.judged_frames * hop_length, hop_length
        self.clip_norm = settings.clip_norm
        self.discriminators = Discriminators(settings.period_width, settings.scale_width).to(device)
        self.optimizer = adamw(self.discriminators)

    def step(
        self, clean: torch.Tensor, generated: torch.Tensor, random: torch.Generator
    ) -> tuple[float, dict[str, torch.Tensor]]:
        """Learn from both, [B, 1, T], then judge the generated one.

        Returns the discriminators' loss, where each adds 0.5 if it sees nothing and 0 if it tells all apart, and
        the generator's terms.
        """
        begins = (clean.shape[2] - self.num_samples) // self.hop_length + 1
        begin = int(torch.randint(begins, (1,), generator=random)) * self.hop_length
        heard = slice(begin, begin + self.num_samples)
        clean, generated = at_level_of_one(clean[:, :, heard], generated[:, :, heard])
        return self._learn(clean, generated.detach()), self._judge(clean, generated)

    def _learn(self, clean: torch.Tensor, generated: torch.Tensor) -> float:
        with autocast(clean.device):
            loss = discriminator_loss(self.discriminators(clean), self.discriminators(generated))
        guarded_step(self.optimizer, loss, self.clip_norm)
        return float(loss.detach())

    def _judge(self, clean: torch.Tensor, generated: torch.Tensor) -> dict[str, torch.Tensor]:
        """The generator's two terms, with discriminators that hold still."""
        self.discriminators.requires_grad_(False)
        with autocast(clean.device):
            with torch.no_grad():
                real = self.discriminators(clean)
            judged = self.discriminators(generated)
        self.discriminators.requires_grad_(True)
        return {"adversarial": adversarial_loss(judged), "feature": feature_loss(real, judged)}
