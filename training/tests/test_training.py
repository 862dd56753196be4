"""Whole runs in miniature: the loss falls, a resumed run continues exactly, an export reads back, data is read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from quantone_training.codec import Codec
from quantone_training.config import CodecConfig, from_mapping
from quantone_training.export_weights import load_checkpoint, load_weights, shipped_tensors
from quantone_training.export_weights import main as export_weights
from quantone_training.make_vectors import TINY, random_codec, smallest_margin, stage_outputs, test_signal, write_tiny
from quantone_training.settings import AdversarialSettings, Settings, load_settings
from quantone_training.train import Trainer, roundtrip
from quantone_training.training_loop import Budget, load_state, run, save_state
from quantone_training.weights_file import revision, save_weights

from .conftest import ROOT

test_signal.__test__ = False  # type: ignore[attr-defined]


def test_losses_fall_with_and_without_quantizer(tiny: CodecConfig, settings: Settings, audio: np.ndarray) -> None:
    trainer = Trainer(tiny, replace(settings, autoencoder_steps=25), audio)
    mel = [trainer.train_step(0.0)["mel"] for _ in range(60)]
    assert np.mean(mel[20:25]) < 0.85 * np.mean(mel[:3])
    assert np.mean(mel[-5:]) < np.mean(mel[26:31])
    assert trainer.is_quantized


def test_resumed_run_continues_exactly(
    tiny: CodecConfig, settings: Settings, audio: np.ndarray, tmp_path: Path
) -> None:
    straight = Trainer(tiny, settings, audio)
    expected = [straight.train_step(0.1)["total"] for _ in range(8)]
    first = Trainer(tiny, settings, audio)
    for _ in range(6):
        first.train_step(0.1)
    save_state(tmp_path / "checkpoint.pt", first)
    second = Trainer(tiny, replace(settings, seed=99), audio)
    load_state(tmp_path / "checkpoint.pt", second)
    assert second.step == 6
    assert [second.train_step(0.1)["total"] for _ in range(2)] == pytest.approx(expected[6:], rel=1e-5)
    for a, b in zip(straight.ema.state_dict().values(), second.ema.state_dict().values(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


@pytest.fixture
def adversarial(settings: Settings) -> Settings:
    """Discriminators from step 4 on, which learn two steps of their own before they are heard."""
    phase = AdversarialSettings(
        start_step=4,
        learning_rate=1e-3,
        adversarial_weight=1,
        feature_weight=1,
        crop_seconds=0.25,
        channels=2,
        warmup_steps=2,
    )
    return replace(settings, adversarial=phase)


def test_adversarial_phase_trains_both_sides(tiny: CodecConfig, adversarial: Settings, audio: np.ndarray) -> None:
    trainer = Trainer(tiny, adversarial, audio)
    assert trainer.adversary is not None
    before = [p.detach().clone() for p in trainer.adversary.discriminators.parameters()]
    rows = [trainer.train_step(0.0) for _ in range(9)]
    assert ["adversarial" in row for row in rows] == [False] * 7 + [True, False]
    after = list(trainer.adversary.discriminators.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_discriminators_that_join_a_run_later_learn_first(
    tiny: CodecConfig, settings: Settings, adversarial: Settings, audio: np.ndarray, tmp_path: Path
) -> None:
    first = Trainer(tiny, settings, audio)
    first.step = 20
    save_state(tmp_path / "checkpoint.pt", first)
    joined, resumed = (Trainer(tiny, adversarial, audio) for _ in range(2))
    load_state(tmp_path / "checkpoint.pt", joined)
    assert ["adversarial" in joined.train_step(0.0) for _ in range(4)] == [False, False, False, True]
    save_state(tmp_path / "checkpoint.pt", joined)
    load_state(tmp_path / "checkpoint.pt", resumed)
    assert ["adversarial" in resumed.train_step(0.0) for _ in range(2)] == [False, True]


def test_run_writes_checkpoint_and_log_within_its_budget(
    tiny: CodecConfig, settings: Settings, audio: np.ndarray, tmp_path: Path
) -> None:
    trainer = Trainer(tiny, settings, audio)
    clips = {"tone": audio[:16000].astype(np.float32) / 32768}
    run(trainer, tmp_path, Budget(steps=6), clips, save_seconds=1e9, validate_seconds=1e9)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["kind"] == "validation" and lines[-1]["step"] == 6
    assert 0 <= lines[-1]["12"]["mean"]["stoi"] <= 1
    run(trainer, tmp_path, Budget(steps=7), {}, save_seconds=1e9, validate_seconds=1e9)
    average = load_checkpoint(tmp_path / "checkpoint.pt")
    assert average.steps == 7 and not average.network.training


def test_export_round_trip(tiny: CodecConfig, tmp_path: Path) -> None:
    codec = random_codec(tiny)
    tensors = shipped_tensors(codec, torch.float16, torch.float32)
    assert not any(name in tensors for name in ("rvq.usage", "rvq.sums"))
    save_weights(tmp_path / "w.safetensors", tensors, tiny, {"steps": "1"})
    back = load_weights(tmp_path / "w.safetensors", tiny)
    for name, tensor in back.state_dict().items():
        if name in tensors:
            assert torch.equal(tensor, tensors[name].float())
    assert revision(shipped_tensors(back, torch.float16, torch.float32)) == revision(tensors)
    other = from_mapping(CodecConfig, {**TINY, "name": "other"})
    with pytest.raises(ValueError, match="expected config hash"):
        load_weights(tmp_path / "w.safetensors", other)


def test_an_export_averages_two_states_of_a_run(
    tiny: CodecConfig, settings: Settings, audio: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = Trainer(tiny, settings, audio)
    states = []
    for name in ("earlier.pt", "checkpoint.pt"):
        for _ in range(6):
            trainer.train_step(0.0)
        save_state(tmp_path / name, trainer)
        states.append({key: tensor.clone() for key, tensor in trainer.ema.state_dict().items()})
    save_state(tmp_path / "other.pt", Trainer(from_mapping(CodecConfig, {**TINY, "name": "other"}), settings, audio))

    def options(earlier: str, share: str) -> list[str]:
        paths = {"--checkpoint": "checkpoint.pt", "--out": "w.safetensors", "--earlier": earlier}
        named = [word for option, name in paths.items() for word in (option, str(tmp_path / name))]
        return [*named, "--codebooks", "float32", "--earlier-share", share]

    export_weights(options("earlier.pt", "0.25"))
    exported = load_weights(tmp_path / "w.safetensors", tiny).state_dict()
    earlier, last = states
    for name in ("rvq.codebooks", "encoder.out.weight", "decoder.direct.bias"):
        expected = 0.25 * earlier[name] + 0.75 * last[name]
        assert torch.allclose(exported[name], expected, atol=1e-3 * float(expected.abs().max()))
        assert not torch.allclose(exported[name], last[name], atol=1e-3 * float(expected.abs().max()))
    for wrong, message in ((("other.pt", "0.25"), "of the same config"), (("earlier.pt", "1.5"), "expected 0 to 1")):
        with pytest.raises(SystemExit):
            export_weights(options(*wrong))
        assert message in capsys.readouterr().err


def test_a_run_starts_from_exported_weights(
    tiny: CodecConfig, settings: Settings, audio: np.ndarray, tmp_path: Path
) -> None:
    first = Trainer(tiny, settings, audio)
    for _ in range(6):
        first.train_step(0.5)
    save_weights(tmp_path / "w.safetensors", shipped_tensors(first.ema, torch.float32, torch.float32), tiny, {})
    second = Trainer(tiny, settings, audio)
    clip = audio[:8000].astype(np.float32) / 32768
    assert not np.allclose(roundtrip(second.ema, clip, 2), roundtrip(first.ema, clip, 2))
    second.start_from(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(roundtrip(second.ema, clip, 2), roundtrip(first.ema, clip, 2))
    before = second.codec.rvq.codebooks.clone()
    second.train_step(0.5)
    # K-means would have moved most codewords by far; one step of the averages moves them by a hundredth of the way.
    moved = (second.codec.rvq.codebooks - before).norm() / before.norm()
    assert 0 < moved < 0.1


def test_a_weights_file_with_a_missing_tensor_is_refused(tiny: CodecConfig, tmp_path: Path) -> None:
    tensors = shipped_tensors(Codec(tiny), torch.float16, torch.float16)
    del tensors["decoder.log_mel.bias"]
    save_weights(tmp_path / "w.safetensors", tensors, tiny, {})
    with pytest.raises(ValueError, match=r"decoder\.log_mel\.bias"):
        load_weights(tmp_path / "w.safetensors", tiny)


def test_committed_vectors_are_what_the_generator_writes(tmp_path: Path) -> None:
    """Same seed, same code: weights equal to the bit, stage outputs within the manifest's tolerance."""
    from safetensors.torch import load_file

    committed = ROOT / "test/golden/speech-16k-tiny"
    write_tiny(tmp_path)
    old, new = (load_file(folder / "weights.safetensors") for folder in (committed, tmp_path))
    assert all(torch.equal(old[name], new[name]) for name in old) and set(old) == set(new)
    tolerance = json.loads((committed / "manifest.json").read_text())["tolerance"]
    old, new = (load_file(folder / "vectors.safetensors") for folder in (committed, tmp_path))
    assert torch.equal(old["tokens"], new["tokens"])
    for name, limit in tolerance.items():
        assert float((old[name] - new[name]).abs().max()) <= limit, name


def test_a_wrong_codec_would_fail_the_vectors(tiny: CodecConfig) -> None:
    """Swapping two dilations moves every stage behind them by far more than the tolerance."""
    codec = random_codec(tiny)
    waveform = test_signal(2363, 16000)
    right = stage_outputs(codec, waveform)
    assert smallest_margin(codec, right["latents"]) > 5e-4
    for unit, dilation in zip(codec.decoder.subframe_units, (3, 1), strict=False):
        unit.conv.dilation, unit.conv.left_padding = (dilation,), 2 * dilation
    wrong = stage_outputs(codec, waveform)
    assert float((right["spectrum"] - wrong["spectrum"]).abs().max()) > 1e-2


def test_shipped_settings_and_overlays_read() -> None:
    folder = ROOT / "training/configs"
    base = load_settings(Settings, [folder / "speech-16k.toml"])
    overlaid = load_settings(Settings, [folder / "speech-16k.toml", folder / "adversarial.toml"])
    assert base.adversarial is None and overlaid.adversarial is not None
    assert overlaid.learning_rate != base.learning_rate
    # The overlay names five losses of several; the others stay.
    named = {"mel": 14.0, "phase": 4.0, "log_mel": 8.0, "mel_contour": 10.0, "frame_lock": 8.0}
    assert overlaid.losses == replace(base.losses, **named) != base.losses
