"""Muon: orthogonal steps for kernels, AdamW's for the rest, and states that survive a checkpoint."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from quantone_training.muon import Muon, orthogonalized, parameter_groups


@pytest.mark.parametrize("shape", [(32, 96), (96, 32), (64, 64)])
def test_all_singular_values_of_a_step_are_about_one(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    # Singular values over two decades, as gradients have them.
    rank = min(shape)
    left, right = (torch.linalg.qr(torch.randn(size, rank))[0] for size in shape)
    matrix = left @ torch.diag(torch.logspace(0, -2, rank)) @ right.T
    values = torch.linalg.svdvals(orthogonalized(matrix))
    # Divided by its norm alone, the matrix has values from 0.5 down to 0.005.
    assert values.max() < 1.3 and values.min() > 0.4
    assert torch.trace(left.T @ orthogonalized(matrix) @ right) / rank > 0.8


def test_kernels_are_moved_by_muon_and_all_else_by_adamw() -> None:
    network = nn.ModuleDict(
        {"kernel": nn.Conv1d(16, 16, 3), "thin": nn.Conv1d(16, 1, 7), "table": nn.Embedding(40, 16)}
    )
    kernels, others = (group["params"] for group in parameter_groups(network, others_scale=0.1))
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    assert [names[id(p)] for p in kernels] == ["kernel.weight"]
    assert {names[id(p)] for p in others} == {"kernel.bias", "thin.weight", "thin.bias", "table.weight"}


def test_others_take_the_steps_of_adamw() -> None:
    torch.manual_seed(1)
    ours, theirs = (nn.Parameter(torch.ones(5)) for _ in range(2))
    network = nn.Module()
    network.register_parameter("gain", ours)
    muon = Muon(parameter_groups(network, others_scale=0.1, weight_decay=0.01))
    adamw = torch.optim.AdamW([theirs], lr=1e-3, betas=(0.8, 0.99), weight_decay=0.01)
    muon.param_groups[1]["lr"] = 1e-2
    for _ in range(5):
        ours.grad = torch.randn(5)
        theirs.grad = ours.grad.clone()
        muon.step()
        adamw.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)
    assert not torch.allclose(ours, torch.ones(5), atol=1e-4)


def test_a_restored_optimizer_goes_on_alike() -> None:
    torch.manual_seed(2)
    first = nn.Conv1d(8, 8, 3)
    x = torch.randn(4, 8, 20)

    def train(network: nn.Conv1d, optimizer: Muon, steps: int) -> None:
        for _ in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = 1e-2
            optimizer.zero_grad()
            network(x).square().mean().backward()
            optimizer.step()

    optimizer = Muon(parameter_groups(first, others_scale=0.05))
    train(first, optimizer, 3)
    second = copy.deepcopy(first)
    restored = Muon(parameter_groups(second, others_scale=0.05))
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    train(first, optimizer, 3)
    train(second, restored, 3)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
