"""Muon: kernels take steps whose singular values are all about one; everything else takes AdamW's.

A gradient step on a kernel is dominated by a few directions; made orthogonal, it moves all of them alike.
Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; the constants of the iteration
and the scale for tall matrices are theirs. Kingma and Ba 2015 (Adam); Loshchilov and Hutter 2019 (weight decay).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

MOMENTUM = 0.9
ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
BETAS = (0.8, 0.99)
EPSILON = 1e-8
SMALLEST_SIDE = 8
"""A kernel with fewer rows or columns than this is closer to a vector, and left to AdamW."""


def orthogonalized(update: torch.Tensor) -> torch.Tensor:
    """A matrix [N, K] with the same singular vectors and singular values between about 0.7 and 1.2."""
    a, b, c = COEFFICIENTS
    x = update.bfloat16()
    x = x / (x.norm() + 1e-7)
    is_tall = x.shape[0] > x.shape[1]
    if is_tall:
        x = x.T
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    orthogonal: torch.Tensor = (x.T if is_tall else x).to(update.dtype)
    return orthogonal


def parameter_groups(network: nn.Module, others_scale: float, weight_decay: float = 0.0) -> list[dict[str, Any]]:
    """Two groups for `Muon`: kernels, and all else, whose learning rate is `others_scale` times the kernels'.

    Kernels are of convolutions [C', C, K] and matrices; tables of embeddings, whose rows are vectors, are not.
    """
    tables = {id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)}
    kernels: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for parameter in network.parameters():
        smaller_side = min(len(parameter), parameter[0].numel()) if parameter.ndim >= 2 else 1
        is_kernel = smaller_side >= SMALLEST_SIDE and id(parameter) not in tables
        (kernels if is_kernel else others).append(parameter)
    return [
        {"params": kernels, "is_muon": True, "scale": 1.0, "weight_decay": weight_decay},
        {"params": others, "is_muon": False, "scale": others_scale, "weight_decay": weight_decay},
    ]


class Muon(torch.optim.Optimizer):
    """Takes the groups of `parameter_groups`; a group's steps are as long as its "lr" times its "scale".

    Kernels must be plain: of a weight-normalized one, the two factors would each take a step that says little of both.
    """

    def __init__(self, groups: list[dict[str, Any]]) -> None:
        super().__init__(groups, {"lr": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step of every parameter that has a gradient."""
        loss = None if closure is None else closure()
        for group in self.param_groups:
            rate = group["lr"] * group["scale"]
            move = self._muon if group["is_muon"] else self._adamw
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - rate * group["weight_decay"])
                    move(parameter, parameter.grad, self.state[parameter], rate)
        return loss

    @staticmethod
    def _muon(parameter: torch.Tensor, gradient: torch.Tensor, state: dict[str, Any], rate: float) -> None:
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        ahead = gradient.lerp(state["momentum"], MOMENTUM).flatten(1)
        tallness = max(1.0, ahead.shape[0] / ahead.shape[1])
        parameter.add_(orthogonalized(ahead).view_as(parameter), alpha=-rate * tallness**0.5)

    @staticmethod
    def _adamw(parameter: torch.Tensor, gradient: torch.Tensor, state: dict[str, Any], rate: float) -> None:
        if not state:
            state.update(steps=0, mean=torch.zeros_like(parameter), power=torch.zeros_like(parameter))
        state["steps"] += 1
        state["mean"].lerp_(gradient, 1 - BETAS[0])
        state["power"].lerp_(gradient.square(), 1 - BETAS[1])
        mean = state["mean"] / (1 - BETAS[0] ** state["steps"])
        power = state["power"] / (1 - BETAS[1] ** state["steps"])
        parameter.addcdiv_(mean, power.sqrt() + EPSILON, value=-rate)
