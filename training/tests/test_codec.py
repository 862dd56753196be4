"""The stages' shapes, causality and inverses."""

from __future__ import annotations

import pytest
import torch

from quantone_training.codec import Codec
from quantone_training.config import CodecConfig, from_mapping, load_codec_config, to_mapping
from quantone_training.features import causal_log_mel, log_mel
from quantone_training.make_vectors import TINY, random_codec, test_signal
from quantone_training.vocoder import Vocoder

from .conftest import ROOT

test_signal.__test__ = False  # type: ignore[attr-defined]


@torch.no_grad()
def test_shapes_of_every_stage(tiny: CodecConfig) -> None:
    codec = Codec(tiny).eval()
    latents = codec.encoder(torch.randn(2, 1, 10 * 80))
    assert latents.shape == (2, 8, 10)
    tokens = codec.rvq.encode(latents, 2)
    assert tokens.shape == (2, 2, 10)
    output = codec.decoder(codec.rvq.decode(tokens))
    assert [tuple(part.shape) for part in output] == [(2, 130, 24), (2, 16, 20)]
    assert codec.vocoder(output.spectrum, 800).shape == (2, 1, 800)


@torch.no_grad()
def test_output_has_as_many_samples_as_the_input(tiny: CodecConfig) -> None:
    codec = random_codec(tiny)
    for num_samples in (1, 79, 80, 81, 1003):
        tokens = codec.encode(torch.randn(1, 1, num_samples))
        assert tokens.shape[2] == -(-num_samples // 80) + 1
        assert codec.decode(tokens, num_samples).shape == (1, 1, num_samples)


@torch.no_grad()
def test_encoder_and_decoder_are_causal(tiny: CodecConfig) -> None:
    """Changing the second half of the input leaves the first half of every output alone, and changes the rest."""
    codec = random_codec(tiny)
    waveform = test_signal(24 * 80, 16000)
    changed = waveform.clone()
    changed[:, :, 12 * 80 :] += 0.3
    before, after = codec.encoder(waveform), codec.encoder(changed)
    assert torch.allclose(before[:, :, :12], after[:, :, :12], atol=1e-6)
    assert (before[:, :, 12] - after[:, :, 12]).abs().max() > 1e-2
    for index, (a, b) in enumerate(zip(codec.decoder(before), codec.decoder(after), strict=True)):
        # Frame 12 reaches back into frames 10 and 11, by the look-ahead; the spectrum begins two frames early.
        kept = [24, 20][index]
        assert torch.allclose(a[:, :, :kept], b[:, :, :kept], atol=1e-5)
        assert (a[:, :, kept:] - b[:, :, kept:]).abs().max() > 1e-3


def test_what_was_heard_is_the_log_mel_of_the_same_windows(tiny: CodecConfig) -> None:
    """The encoder's frames are the vocoders' of a signal that comes as much later as their window reaches ahead."""
    waveform = test_signal(24 * 80, 16000)
    size, window, hop = tiny.mel.fft_length, tiny.mel.window_length, tiny.mel.hop_length
    ahead = (size - hop) // 2 - (size - window) // 2
    late = torch.nn.functional.pad(waveform, (ahead, 0))
    heard, centred = causal_log_mel(waveform, 16000, tiny.mel), log_mel(late, 16000, tiny.mel)
    assert heard.shape == (1, 16, 48)
    # At the start one hears silence and the other a mirror; a window that is one sample off scores above 0.1.
    assert torch.allclose(heard[:, :, 4:], centred[:, :, 4:48], atol=1e-4)
    assert (heard[:, :, 4:] - causal_log_mel(late[:, :, 1:], 16000, tiny.mel)[:, :, 4:48]).abs().max() > 0.1


@torch.no_grad()
def test_inverse_stft_of_an_stft_is_the_identity(tiny: CodecConfig) -> None:
    """Analysis with the vocoder's framing, then the vocoder: a wrong window, hop or crop scores above 0.1."""
    vocoder = Vocoder(tiny.vocoder)
    size, hop = tiny.vocoder.fft_length, tiny.vocoder.hop_length
    waveform = torch.randn(1, 1600)
    crop = (size - hop) // 2
    padded = torch.nn.functional.pad(waveform, (crop, crop))
    spectrum = torch.fft.rfft(padded.unfold(1, size, hop) * vocoder.window, dim=2).transpose(1, 2)
    stacked = torch.cat([spectrum.real, spectrum.imag], 1) / tiny.vocoder.spectrum_gain
    back = vocoder(stacked, 1600)[0, 0]
    assert torch.allclose(back, waveform[0], atol=1e-4)


def test_config_names_the_field_that_is_wrong(tiny: CodecConfig) -> None:
    assert from_mapping(CodecConfig, to_mapping(tiny)) == tiny
    with pytest.raises(ValueError, match='"frameRate" expected sampleRate / hopLength'):
        from_mapping(CodecConfig, {**TINY, "hopLength": 160})
    with pytest.raises(ValueError, match=r'"config\.rvq\.codebookSize" expected int'):
        from_mapping(CodecConfig, {**TINY, "rvq": {**TINY["rvq"], "codebookSize": "16"}})
    for section, key, value, name in (
        ("decoder", "upsampleFactor", 3, "decoder.upsampleFactor"),
        ("decoder", "lookaheadFrames", -1, "decoder.lookaheadFrames"),
        ("encoder", "inputKernelSize", 1, "encoder.inputKernelSize"),
        ("mel", "windowLength", 512, "mel.windowLength"),
        ("mel", "windowLength", 20, "mel.windowLength"),
        ("melNormalization", "deviation", 0, "melNormalization.deviation"),
        ("phase", "spacingHz", 4000, "phase.spacingHz"),
        ("phase", "floor", 0, "phase.floor"),
    ):
        with pytest.raises(ValueError, match=rf'"{name}" expected'):
            from_mapping(CodecConfig, {**TINY, section: {**TINY[section], key: value}})
    for key, value in (
        ("directBins", 65),
        ("lowBins", 24),
        ("lowBins", 0),
        ("binsPerBand", 0),
        ("levelFloor", 0),
        ("powerFloor", 0),
    ):
        decoder = {**TINY["decoder"], "excitation": {**TINY["decoder"]["excitation"], key: value}}
        with pytest.raises(ValueError, match=rf'"decoder\.excitation\.{key}" expected'):
            from_mapping(CodecConfig, {**TINY, "decoder": decoder})
    hop = TINY["hopLength"]
    too_fine = {
        **TINY,
        "encoder": {**TINY["encoder"], "inputKernelSize": hop // 2},
        "decoder": {**TINY["decoder"], "upsampleFactor": hop // 2},
        "mel": {**TINY["mel"], "hopLength": 2},
        "vocoder": {**TINY["vocoder"], "hopLength": 2},
    }
    with pytest.raises(ValueError, match=r'"vocoder\.hopLength" expected at least 3'):
        from_mapping(CodecConfig, too_fine)
    with pytest.raises(ValueError, match=r"config\.bitrate"):
        from_mapping(CodecConfig, {**TINY, "bitrate": 3})


def test_shipped_config_fits_the_size_limit() -> None:
    """At most ten million parameters, codebooks included: 20 MB in fp16."""
    codec = Codec(load_codec_config(ROOT / "codecs/speech-16k/config.json"))
    count = sum(p.numel() for p in codec.parameters()) + codec.rvq.codebooks.numel()
    assert 8_000_000 < count < 10_000_000
