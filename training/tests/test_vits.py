"""VITS's training in miniature: alignments are the best, losses fall, runs resume, an export is the same model."""

from __future__ import annotations

import itertools
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from quantone_training.settings import load_settings
from quantone_training.training_loop import Budget, load_state, run, save_state
from quantone_training.vits.alignment import count_frames, diagonal_scores, frame_log_likelihoods, search_alignment
from quantone_training.vits.config import VitsConfig, load_vits_config, published_config, vits_config
from quantone_training.vits.data import (
    HELD_OUT,
    Utterance,
    UtteranceSampler,
    Voice,
    load_recordings,
    make_voice,
    pad_batch,
    split_held_out,
)
from quantone_training.vits.export_weights import load_checkpoint, save_folder
from quantone_training.vits.losses import duration_loss, kl_loss
from quantone_training.vits.make_vectors import build_model
from quantone_training.vits.model import Vits
from quantone_training.vits.rows import length_mask
from quantone_training.vits.settings import VitsSettings
from quantone_training.vits.text import build_vocabulary, num_symbols, to_symbols
from quantone_training.vits.train import VitsTrainer

from .conftest import ROOT

CONFIG = ROOT / "codecs/vits/config-16k.json"
VOCABULARY = {"_": 0, "a": 1, "b": 2, "c": 3, ".": 4}
LOUDNESS = {"a": 0.9, "b": 0.3, "c": 0.05}
PITCHES = {"a": 300, "b": 900, "c": 2000}


@pytest.fixture
def config() -> VitsConfig:
    """The shipped config with the smallest networks that still have every kind of layer."""
    return replace(
        load_vits_config(CONFIG),
        hidden_size=16,
        flow_size=8,
        num_hidden_layers=2,
        ffn_dim=32,
        duration_predictor_filter_channels=16,
        duration_predictor_dropout=0.0,
        hidden_dropout=0.0,
        prior_encoder_num_flows=2,
        prior_encoder_num_wavenet_layers=2,
        posterior_encoder_num_wavenet_layers=2,
        spectrogram_bins=129,
        upsample_initial_channel=16,
        upsample_rates=(8, 8),
        upsample_kernel_sizes=(16, 16),
        resblock_kernel_sizes=(3, 5),
        resblock_dilation_sizes=((1,), (1, 3)),
    )


@pytest.fixture
def vits_settings() -> VitsSettings:
    shipped = load_settings(VitsSettings, [ROOT / "training/configs/vits-16k.toml"])
    return replace(
        shipped,
        batch_size=4,
        segment_frames=12,
        judged_frames=10,
        learning_rate=2e-2,
        others_scale=0.3,
        warmup_steps=2,
        ema_decay=0.9,
        diagonal_steps=20,
        period_width=1 / 64,
        scale_width=1 / 64,
        discriminator_start_step=150,
    )


@pytest.fixture
def utterances() -> list[Utterance]:
    """Words of three letters, each a tone of its own, of lengths that differ."""
    random = np.random.default_rng(0)
    made = []
    for index, word in enumerate(itertools.islice(itertools.product("abc", repeat=3), 12)):
        parts = []
        for letter in word:
            time = np.arange(64 * int(random.integers(8, 16))) / 16000
            parts.append(LOUDNESS[letter] * np.sin(2 * np.pi * PITCHES[letter] * time))
        samples = np.concatenate(parts) + 0.003 * random.standard_normal(sum(map(len, parts)))
        text = to_symbols("".join(word), VOCABULARY)
        made.append(Utterance(f"word-{index}", np.asarray(samples * 30000, dtype=np.int16), text))
    return made


def best_path(scores: np.ndarray) -> tuple[float, list[int]]:
    """By trying them all: every way to cut the frames into as many stretches as there are symbols."""
    num_symbols, num_frames = scores.shape
    found = []
    for cuts in itertools.combinations(range(1, num_frames), num_symbols - 1):
        path = [sum(frame >= cut for cut in cuts) for frame in range(num_frames)]
        found.append((float(sum(scores[symbol, frame] for frame, symbol in enumerate(path))), path))
    return max(found)


def test_alignment_is_the_best_of_all() -> None:
    random = np.random.default_rng(3)
    sizes = [(1, 1), (1, 6), (4, 4), (3, 8), (5, 9), (2, 7)]
    symbol_counts, frame_counts = (np.array(counts) for counts in zip(*sizes, strict=True))
    # What lies behind an utterance's end is tempting, and must not matter.
    scores = np.full((len(sizes), 5, 9), 50, dtype=np.float32)
    for row, (num, frames) in enumerate(sizes):
        scores[row, :num, :frames] = random.standard_normal((num, frames))
    path = search_alignment(scores, symbol_counts, frame_counts)
    counts = count_frames(path, frame_counts, 5)
    for row, (num, frames) in enumerate(sizes):
        assert path[row, :frames].tolist() == best_path(scores[row, :num, :frames])[1]
        assert (path[row, frames:] == 0).all()
        assert counts[row].sum() == frames and (counts[row, :num] >= 1).all() and (counts[row, num:] == 0).all()


def test_alignment_wants_a_frame_for_each_symbol() -> None:
    with pytest.raises(ValueError, match="frame_counts"):
        search_alignment(np.zeros((1, 3, 2), dtype=np.float32), np.array([3]), np.array([2]))


def test_diagonal_is_drawn_to_and_likelihoods_are_normal_densities() -> None:
    symbol_counts, frame_counts = np.array([4, 2]), np.array([8, 8])
    path = search_alignment(diagonal_scores(symbol_counts, frame_counts), symbol_counts, frame_counts)
    # Symbol s of S lies at the share s / S, so a symbol begins where its own place is nearest.
    assert path[0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3] or np.abs(np.diff(np.bincount(path[0]))).max() <= 1
    latents, means, log_deviations = torch.randn(1, 3, 2), torch.randn(1, 4, 2), 0.3 * torch.randn(1, 4, 2)
    density = torch.distributions.Normal(means[:, :, None], log_deviations.exp()[:, :, None])
    expected = density.log_prob(latents[:, None]).sum(3)
    assert torch.allclose(frame_log_likelihoods(latents, means, log_deviations), expected, atol=1e-4)


def test_flow_and_its_inverse(config: VitsConfig) -> None:
    model = Vits(config, VOCABULARY).eval()
    for coupling in model.flow.flows:
        torch.nn.init.normal_(coupling.conv_post.weight, 0.0, 0.3)
    latents, mask = torch.randn(2, 9, 8), torch.ones(2, 9, 1)
    flowed = model.flow(latents, mask)
    assert float((flowed - latents.flip(2)).abs().max().detach()) > 0.1
    assert torch.allclose(model.flow.inverse(flowed, mask), latents, atol=1e-5)


def test_padding_changes_nothing(config: VitsConfig, utterances: list[Utterance]) -> None:
    model = Vits(config, VOCABULARY).eval()
    longest = max(utterances, key=lambda one: len(one.samples))
    shortest = min(utterances, key=lambda one: len(one.samples))
    together = model(pad_batch([shortest, longest], config.hop_length), noise_scale=0.0)
    alone = model(pad_batch([shortest], config.hop_length), noise_scale=0.0)
    num_symbols, num_frames = len(shortest.symbols), shortest.num_frames(config.hop_length)
    assert torch.allclose(together.log_durations[0, :num_symbols], alone.log_durations[0], atol=1e-5)
    # The last frames' spectra see silence in place of a reflection, and four layers see them.
    inside = num_frames - 8
    assert torch.allclose(together.flowed[0, :inside], alone.flowed[0, :inside], atol=1e-4)
    assert float(together.sampled[0, num_frames:].abs().max().detach()) == 0


def test_losses_are_what_they_are_named(config: VitsConfig, utterances: list[Utterance]) -> None:
    latents = Vits(config, VOCABULARY).eval()(pad_batch(utterances[:2], config.hop_length))
    same = replace(
        latents,
        prior_means=latents.posterior_means,
        prior_log_deviations=latents.posterior_log_deviations,
        flowed=latents.posterior_means + latents.posterior_log_deviations.exp(),
        log_durations=torch.log((latents.durations - 0.5).clamp_min(0.5)),
    )
    # Equal distributions, and a sample one deviation away: 0.5 - 0.5.
    assert float(kl_loss(same).detach()) == pytest.approx(0, abs=1e-4)
    far = replace(same, flowed=same.flowed + same.posterior_log_deviations.exp())
    assert float(kl_loss(far).detach()) == pytest.approx(1.5 * config.flow_size, rel=1e-3)
    assert float(duration_loss(same).detach()) == pytest.approx(0, abs=1e-5)
    durations = latents.durations[latents.symbol_mask]
    by_guess = {
        name: float(duration_loss(replace(latents, log_durations=torch.full_like(latents.durations, guess))).detach())
        for name, guess in (("mean", float((durations - 0.5).mean().log())), ("less", 0.0), ("more", 2.0))
    }
    # Who knows nothing of a symbol is best off with the mean.
    assert by_guess["mean"] < min(by_guess["less"], by_guess["more"])
    geometric = torch.full_like(latents.durations, float((durations - 0.5).log().mean()))
    assert by_guess["mean"] < float(duration_loss(replace(latents, log_durations=geometric)).detach())
    # What is predicted comes back as whole frames when it is rounded up.
    assert torch.equal(same.log_durations.exp().ceil()[latents.symbol_mask], latents.durations[latents.symbol_mask])


@pytest.mark.filterwarnings("ignore:Not enough STFT frames")
def test_model_learns_to_speak(config: VitsConfig, vits_settings: VitsSettings, utterances: list[Utterance]) -> None:
    trainer = VitsTrainer(config, vits_settings, Voice(VOCABULARY, utterances[:-1], utterances[-1:]))
    before = trainer.validate({})
    steps = [trainer.train_step(0.0) for _ in range(vits_settings.discriminator_start_step + 10)]
    after = trainer.validate({})
    assert all(np.isfinite(list(step.values())).all() for step in steps)
    # Of a word that was held out, said by the text's side alone: silence is off by 5, a constant duration by 0.5.
    assert after["mel"] < 0.35 * before["mel"]
    assert after["duration"] < 0.2 * before["duration"]
    judged = [step["discriminator"] for step in steps if "discriminator" in step]
    # Eight discriminators that tell nothing apart have 8 * 0.5 at best.
    assert len(judged) == 10 and judged[-1] < 0.9 * judged[0]


def test_resumed_run_continues_exactly(
    config: VitsConfig, vits_settings: VitsSettings, utterances: list[Utterance], tmp_path: Path
) -> None:
    settings = replace(vits_settings, discriminator_start_step=1)
    straight = VitsTrainer(config, settings, Voice(VOCABULARY, utterances, []))
    for _ in range(2):
        straight.train_step(0.0)
    save_state(tmp_path / "checkpoint.pt", straight)
    expected = straight.train_step(0.5)
    resumed = VitsTrainer(config, settings, Voice(VOCABULARY, utterances, []))
    load_state(tmp_path / "checkpoint.pt", resumed)
    assert resumed.train_step(0.5) == expected
    other = VitsTrainer(config, settings, Voice({**VOCABULARY, "a": 2, "b": 1}, utterances, []))
    with pytest.raises(ValueError, match="vocabulary"):
        load_state(tmp_path / "checkpoint.pt", other)


def test_a_run_writes_its_log_and_an_export_is_the_same_model(
    config: VitsConfig, vits_settings: VitsSettings, utterances: list[Utterance], tmp_path: Path
) -> None:
    trainer = VitsTrainer(config, vits_settings, Voice(VOCABULARY, utterances, []))
    run(trainer, tmp_path, Budget(steps=3), {}, save_seconds=1e9, validate_seconds=1e9)
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["step"] == 3
    average = load_checkpoint(tmp_path / "checkpoint.pt")
    assert average.steps == 3 and average.config == config and average.network.vocabulary == VOCABULARY
    tensors = save_folder(tmp_path / "voice", average.network, average.metadata)
    assert json.loads((tmp_path / "voice/vocab.json").read_text()) == VOCABULARY
    written = json.loads((tmp_path / "voice/config.json").read_text())
    assert written["vocab_size"] == 5
    assert vits_config({name: written[name] for name in published_config(config)}) == config
    assert not any(name.startswith("posterior_encoder") for name in tensors)


def test_transformers_reads_the_export_as_the_same_model(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    model = build_model()
    save_folder(tmp_path, model, {})
    port = transformers.VitsModel.from_pretrained(tmp_path, dtype=torch.float32).eval()
    symbols, latents = torch.randint(num_symbols(model.vocabulary), (1, 13)), torch.randn(1, 20, model.config.flow_size)
    ones, mask = torch.ones(1, 20, 1), torch.ones(1, 13, dtype=torch.bool)
    with torch.no_grad():
        hidden, means, log_deviations = model.text_encoder(symbols, mask)
        text = port.text_encoder(symbols, mask[..., None].float())
        durations = port.duration_predictor(text.last_hidden_state.transpose(1, 2), mask[:, None].float())
        sound, ported = model.flow.inverse(latents, ones), port.flow(latents.mT, ones.mT, reverse=True).mT
        pairs = {
            "means": (means, text.prior_means),
            "log deviations": (log_deviations, text.prior_log_variances),
            "durations": (model.duration_predictor(hidden, mask), durations[:, 0]),
            "flow": (sound, ported),
            "samples": (model.decoder(sound.mT), port.decoder(sound.mT)),
        }
    for name, (ours, theirs) in pairs.items():
        # Half precision keeps three digits.
        assert float((ours - theirs).abs().max()) < 5e-3 * float(ours.abs().max()), name


def test_symbols_stand_without_blanks_and_marks_stand_in() -> None:
    vocabulary = build_vocabulary(["ab, a.", "b"])
    assert to_symbols("ab!x", vocabulary) == [vocabulary["a"], vocabulary["b"], vocabulary["."]]
    assert vocabulary["?"] == vocabulary["."] and vocabulary[";"] == vocabulary[","]
    assert num_symbols(vocabulary) == 6


def test_no_words_are_both_learned_and_held_out() -> None:
    phonemes = {f"v/arctic-a{number:04}-1.opus": f"w{number}" for number in range(1, 110)}
    phonemes |= {"v/arctic-b0007-2.opus": "w53", "v/arctic-b0219-2.opus": "w400"}
    training, held_out = split_held_out(phonemes)
    assert {name[9:14] for name in held_out} == {"a0002", "a0003", "a0053", "a0103", "b0007", "b0219"}
    assert not {phonemes[name] for name in training} & {phonemes[name] for name in held_out}
    assert not any(HELD_OUT.search(name) for name in training) and len(training) + len(held_out) == len(phonemes)


def test_other_corpora_hold_out_a_sentence_in_forty() -> None:
    phonemes = {f"v/{number}-{reading}": f"w{number:03}" for number in range(120) for reading in "ab"}
    training, held_out = split_held_out(phonemes)
    assert {phonemes[name] for name in held_out} == {"w000", "w040", "w080"} and len(held_out) == 6
    assert len(training) == 234


def test_voice_leaves_out_what_cannot_be_aligned() -> None:
    recordings = {f"v/{name}": np.zeros(640, dtype=np.int16) for name in ("x", "y", "arctic-a0003-1")}
    phonemes = {"v/x": "ab", "v/y": "abcdeabcdea", "v/arctic-a0003-1": "c", "v/none": "a"}
    voice = make_voice(recordings, phonemes, hop_length=64)
    # Ten frames: eleven letters are too many.
    assert [one.name for one in voice.training] == ["v/x"] and [one.name for one in voice.held_out] == [
        "v/arctic-a0003-1"
    ]
    with pytest.raises(ValueError, match="phonemes"):
        make_voice(recordings, {"other": "a"}, hop_length=64)


def test_recordings_come_from_folders_archives_or_the_cache(tmp_path: Path) -> None:
    samples = np.sin(np.arange(1600) / 5).astype(np.float32)
    data = tmp_path / "data"
    (data / "v").mkdir(parents=True)
    sf.write(data / "v/one.wav", samples, 16000)
    with tarfile.open(data / "shard.tar", "w") as shard:
        shard.add(data / "v/one.wav", "w/two.wav")
    (data / "v/broken.wav").write_bytes(b"RIFF")
    cache = tmp_path / "run" / "voice.npz"
    with pytest.raises(FileNotFoundError, match="--data"):
        load_recordings(None, "v/", cache, 16000)
    with pytest.raises(FileNotFoundError, match="--source"):
        load_recordings(data, "x/", cache, 16000)
    decoded = load_recordings(data, "v/", cache, 16000)
    assert list(decoded) == ["v/one.wav"] and len(decoded["v/one.wav"]) == 1600
    np.testing.assert_array_equal(load_recordings(None, "v/", cache, 16000)["v/one.wav"], decoded["v/one.wav"])
    assert sorted(load_recordings(data, "", tmp_path / "all.npz", 16000)) == ["v/one.wav", "w/two.wav"]
    assert list(load_recordings(data, "", tmp_path / "w.npz", 16000, ["v"])) == ["w/two.wav"]


def test_trainer_leaves_out_what_has_no_whole_segment(
    config: VitsConfig, vits_settings: VitsSettings, utterances: list[Utterance]
) -> None:
    short = Utterance("short", utterances[0].samples[: 11 * 64], utterances[0].symbols)
    trainer = VitsTrainer(config, vits_settings, Voice(VOCABULARY, [*utterances, short], []))
    assert [one.name for one in trainer.sampler.utterances] == [one.name for one in utterances]


def test_sampler_visits_every_length_and_repeats_itself(utterances: list[Utterance]) -> None:
    first, second = (UtteranceSampler(utterances, 4, 64, seed=5) for _ in range(2))
    seen = [tuple(first.batch(step).frame_counts.tolist()) for step in range(6)]
    assert seen == [tuple(second.batch(step).frame_counts.tolist()) for step in range(6)]
    assert sorted(itertools.chain(*seen[:3])) == sorted(one.num_frames(64) for one in utterances)
    assert seen[:3] != seen[3:]
    batch = first.batch(0)
    inside = length_mask(batch.symbol_counts, batch.symbols.shape[1])
    assert (batch.symbols[~inside] == 0).all()


@pytest.mark.parametrize(("field", "value"), [("model_type", "glow"), ("flow_size", 3), ("num_attention_heads", 3)])
def test_config_says_what_is_wrong(config: VitsConfig, field: str, value: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        vits_config({**published_config(config), field: value})
