"""The quantizer: search, k-means, moving averages, restart of dead codewords, dropout, rate term."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from quantone_training.config import RvqConfig
from quantone_training.rvq import Rvq, RvqTraining, kmeans, lose_frames, nearest_codeword, perplexity, search


def clustered(num_vectors: int = 2000, dim: int = 6) -> torch.Tensor:
    centers = torch.randn(16, dim) * 3
    return centers[torch.randint(16, (num_vectors,))] + 0.3 * torch.randn(num_vectors, dim)


def test_nearest_codeword_is_exact_and_the_lowest_index_wins() -> None:
    vectors, codebook = torch.randn(100, 6), torch.randn(32, 6)
    distances = (vectors[:, None] - codebook[None]).square().sum(2)
    assert torch.equal(nearest_codeword(vectors, codebook), distances.argmin(1))
    doubled = torch.cat([codebook, codebook])
    assert int(nearest_codeword(vectors, doubled).max()) < 32


def test_kmeans_lowers_the_error_of_random_codewords() -> None:
    vectors = clustered()

    def error(codebook: torch.Tensor) -> float:
        return float((vectors - codebook[nearest_codeword(vectors, codebook)]).square().mean())

    assert error(kmeans(vectors, 16, 15)) < 0.5 * error(vectors[:16])
    with pytest.raises(ValueError, match='"vectors" expected at least 16'):
        kmeans(vectors[:10], 16, 2)


def test_every_stage_lowers_the_error() -> None:
    vectors = clustered()
    rvq = Rvq(RvqConfig(4, 16, 6))
    powers = rvq.initialize(vectors)
    assert all(later < 0.95 * earlier for earlier, later in pairwise(powers))
    latents = vectors.t()[None]
    errors = [float((latents - rvq.decode(rvq.encode(latents, k))).square().sum(1).mean()) for k in (1, 2, 3, 4)]
    assert errors == pytest.approx(powers, rel=1e-3)


def test_the_search_keeps_as_many_paths_as_asked() -> None:
    # Without clusters, which the first stage would find alone.
    vectors = torch.randn(300, 6)
    rvq = Rvq(RvqConfig(3, 16, 6))
    rvq.initialize(vectors)

    def errors(paths: int, stages: int) -> torch.Tensor:
        tokens = search(vectors, rvq.codebooks, torch.full((300,), stages), paths)
        assert int(tokens[:, stages:].abs().sum()) == 0
        codewords = [rvq.codebooks[stage][tokens[:, stage]] for stage in range(stages)]
        return (vectors - torch.stack(codewords).sum(0)).square().sum(1)

    first, second = rvq.codebooks[0], rvq.codebooks[1]
    pairs = (first[:, None] + second[None]).view(-1, 6)
    exhaustive = torch.cdist(vectors, pairs).amin(1).square()
    assert torch.allclose(errors(16, 2), exhaustive, atol=1e-3)
    # A few paths find some of what the greedy search misses.
    assert float(errors(3, 3).mean()) < 0.97 * float(errors(1, 3).mean())
    assert float(errors(1, 2).mean()) > 1.02 * float(exhaustive.mean())


def test_vectors_of_a_batch_stop_at_their_own_stage() -> None:
    vectors = clustered(40)
    rvq = Rvq(RvqConfig(3, 16, 6))
    rvq.initialize(vectors)
    active = torch.arange(40) % 3 + 1
    tokens = search(vectors, rvq.codebooks, active, 4)
    for row, stages in enumerate(active.tolist()):
        alone = search(vectors[row : row + 1], rvq.codebooks, torch.tensor([stages]), 4)
        assert torch.equal(tokens[row], alone[0])


def test_dead_codewords_restart_where_the_data_is() -> None:
    rvq = Rvq(RvqConfig(1, 16, 6), RvqTraining(decay=0.5, full_fraction=1.0))
    vectors = clustered()
    rvq.initialize(vectors)
    rvq.codebooks[0, 3] = 1e4
    rvq.sums[0, 3] = 1e4
    latents = vectors.t()[None]
    for _ in range(10):
        rvq(latents)
    assert float(rvq.codebooks.abs().max()) < 100
    assert perplexity(rvq.encode(latents), 16) > 8


def test_codebooks_follow_the_data_in_training_only() -> None:
    rvq = Rvq(RvqConfig(2, 16, 6), RvqTraining(decay=0.9, full_fraction=1.0))
    vectors = clustered()
    rvq.initialize(vectors)
    moved = (vectors + 1).t()[None]
    before = rvq.codebooks.clone()
    rvq.eval()
    rvq(moved)
    assert torch.equal(rvq.codebooks, before)
    rvq.train()
    error = float((moved - rvq.decode(rvq.encode(moved))).square().mean())
    for _ in range(30):
        rvq(moved)
    assert float((moved - rvq.decode(rvq.encode(moved))).square().mean()) < 0.8 * error


def test_gradient_passes_straight_through_and_the_rate_sums_weighted_errors() -> None:
    rvq = Rvq(RvqConfig(2, 16, 6)).eval()
    vectors = clustered()
    rvq.initialize(vectors)
    latents = vectors[:50].t()[None].clone().requires_grad_()
    quantized, rate = rvq(latents)
    quantized.sum().backward()
    assert torch.equal(latents.grad, torch.ones_like(latents))
    assert torch.allclose(quantized, rvq.decode(rvq.encode(latents)), atol=1e-5)
    power = latents.detach().square().mean(1)
    weight = power.mean() / (power + power.mean())
    errors = [float((weight * (latents - rvq.decode(rvq.encode(latents, k))).square().mean(1)).mean()) for k in (1, 2)]
    assert float(rate) == pytest.approx(sum(errors), rel=1e-4)


def test_dropout_draws_every_allowed_number_of_stages() -> None:
    rvq = Rvq(RvqConfig(6, 16, 6), RvqTraining(full_fraction=0.3, min_stages=2))
    drawn = rvq._draw_active_stages(500, torch.device("cpu"))
    assert set(drawn.tolist()) == {2, 3, 4, 5, 6}
    assert 0.3 < float((drawn == 6).float().mean()) < 0.6


def test_perplexity_counts_the_codewords_in_use() -> None:
    assert perplexity(torch.arange(16).repeat(10), 16) == pytest.approx(16)
    assert perplexity(torch.zeros(100, dtype=torch.long), 16) == pytest.approx(1)


def test_lost_frames_are_silent_in_some_crops_and_the_rest_untouched() -> None:
    torch.manual_seed(0)
    quantized = torch.ones(400, 3, 50)
    received = lose_frames(quantized, 0.5, 0.2)
    lost = (received == 0).all(1)
    assert torch.equal((received == 0).any(1), lost), "a frame is lost whole"
    # Half of the crops lose a tenth of their frames on average: 0.05 within four standard errors.
    assert abs(float(lost.float().mean()) - 0.05) < 0.01
    assert 0.45 < float((~lost.any(1)).float().mean()) < 0.65
    assert torch.equal(lose_frames(quantized, 0.0, 0.2), quantized)
