"""SoundStream's twin: shapes, causality, the switch for denoising, quantizer dropout, files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from quantone_training.config import from_mapping
from quantone_training.soundstream.checkpoint import load_checkpoint, save_checkpoint
from quantone_training.soundstream.config import SoundstreamConfig, load_soundstream_config
from quantone_training.soundstream.make_vectors import TINY, random_model, signal
from quantone_training.soundstream.model import DROPOUT, Soundstream

from .conftest import ROOT


@pytest.fixture
def config() -> SoundstreamConfig:
    return from_mapping(SoundstreamConfig, TINY)


def denoising_model(config: SoundstreamConfig, side: str) -> Soundstream:
    return random_model(dataclasses.replace(config, denoising=side))


def test_the_shipped_config_is_the_papers() -> None:
    config = load_soundstream_config(ROOT / "codecs/soundstream/config.json")
    assert (config.strides, config.encoder_channels, config.dilations) == ((2, 4, 5, 8), 32, (1, 3, 9))
    assert config.rvq.num_codebooks * config.frame_rate * 10 == 18000


def test_a_config_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match='"hopLength" expected the product of the strides, 24'):
        from_mapping(SoundstreamConfig, {**TINY, "hopLength": 25})
    with pytest.raises(ValueError, match='"denoising" expected encoder, decoder or null'):
        from_mapping(SoundstreamConfig, {**TINY, "denoising": "both"})


def test_shapes_follow_the_strides(config: SoundstreamConfig) -> None:
    model = Soundstream(config)
    latents = model.encoder(torch.randn(2, 1, 240))
    assert latents.shape == (2, 6, 10)
    assert model.decoder(latents).shape == (2, 1, 240)


def test_nothing_depends_on_what_comes_later(config: SoundstreamConfig) -> None:
    model = random_model(config)
    waveform = signal(480, 2400, 0)
    changed = waveform.clone()
    changed[..., 240:] = 0
    before, after = model.encoder(waveform), model.encoder(changed)
    assert torch.equal(before[..., :10], after[..., :10])
    assert not torch.equal(before[..., 10], after[..., 10])
    assert torch.equal(model.decoder(before)[..., :240], model.decoder(after)[..., :240])


@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_the_switch_changes_the_frames_from_where_it_is_thrown(config: SoundstreamConfig, side: str) -> None:
    model = denoising_model(config, side)
    waveform = signal(480, 2400, 0)
    modes = torch.zeros(1, 20)
    modes[:, 8:] = 1
    tokens = model.encode(waveform)
    network, x, hop = model.encoder, waveform, 1
    if side == "decoder":
        network, x, hop = model.decoder, model.rvq.decode(tokens), 24
    with torch.no_grad():
        off, on, switched = network(x), network(x, torch.ones(1, 20)), network(x, modes)
    assert torch.equal(off, network(x, torch.zeros(1, 20)))
    assert torch.equal(off[..., : 8 * hop], switched[..., : 8 * hop])
    difference = (off - on)[..., 8 * hop :].abs().mean() / off.abs().mean()
    assert float(difference) > 0.1
    # Two frames later the kernels behind the switch see nothing of the time before it.
    if side == "encoder":
        assert torch.equal(on[..., 10:], switched[..., 10:])


def test_quantizer_dropout_draws_every_number_of_stages_evenly(config: SoundstreamConfig) -> None:
    rvq = Soundstream(config).rvq
    drawn = rvq._draw_active_stages(4000, torch.device("cpu"))
    assert DROPOUT.min_stages == 1
    assert torch.bincount(drawn).tolist()[1:] == pytest.approx([1000] * 4, rel=0.15)


def test_fewer_codebooks_are_the_first_of_more(config: SoundstreamConfig) -> None:
    model = random_model(config)
    waveform = signal(480, 2400, 0)
    tokens = model.encode(waveform)
    assert torch.equal(model.encode(waveform, 2), tokens[:, :2])
    assert not torch.equal(model.decode(tokens[:, :2]), model.decode(tokens))


def test_training_reaches_encoder_film_and_decoder(config: SoundstreamConfig) -> None:
    model = denoising_model(config, "encoder").train()
    waveform = signal(480, 2400, 0)
    restored, rate = model(waveform, torch.ones(1, 20))
    (restored.sub(waveform).square().mean() + rate).backward()
    silent = [name for name, parameter in model.named_parameters() if not parameter.grad.abs().sum() > 0]
    assert silent == []


@pytest.mark.parametrize("ending", [".safetensors", ".pt"])
def test_files_carry_config_and_weights(config: SoundstreamConfig, ending: str, tmp_path: Path) -> None:
    model = denoising_model(config, "decoder")
    save_checkpoint(tmp_path / f"model{ending}", model)
    loaded = load_checkpoint(tmp_path / f"model{ending}")
    assert loaded.config == model.config
    waveform = signal(480, 2400, 0)
    tokens = model.encode(waveform)
    assert torch.equal(loaded.encode(waveform), tokens)
    assert torch.equal(loaded.decode(tokens, torch.ones(1, 20)), model.decode(tokens, torch.ones(1, 20)))
