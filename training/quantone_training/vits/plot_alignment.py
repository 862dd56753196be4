"""Draws which symbol each frame of a held-out recording belongs to, over its spectrum.

`python -m quantone_training.vits.plot_alignment --checkpoint RUN/checkpoint.pt --voice RUN/voice.npz
--phonemes RUN/phonemes.tsv --out alignment.png`
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from .data import Utterance, make_voice, pad_batch
from .export_weights import load_checkpoint
from .model import Vits
from .text import read_phonemes

NUM_UTTERANCES = 2


@torch.no_grad()
def draw_utterance(axis: Axes, model: Vits, utterance: Utterance, letters: dict[int, str]) -> None:
    """The spectrum with a step for each symbol, which is written at its middle."""
    batch = pad_batch([utterance], model.config.hop_length)
    path = model(batch, noise_scale=0.0).path[0]
    spectrum = model.log_spectra(batch.samples)[0].T.numpy()
    axis.imshow(
        spectrum, origin="lower", aspect="auto", cmap="gray_r", extent=(0, len(path), 0, len(utterance.symbols))
    )
    axis.step(np.arange(len(path)), path + 0.5, where="mid", color="tab:red", linewidth=1)
    for position, symbol in enumerate(utterance.symbols):
        frames = np.flatnonzero(path == position)
        axis.text(frames.mean(), position + 1.5, letters[symbol], color="tab:blue", fontsize=8, ha="right")
    axis.set(title=Path(utterance.name).stem, xlabel="frame", ylabel="symbol")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--voice", type=Path, required=True, help="decoded recordings, voice.npz")
    parser.add_argument("--phonemes", type=Path, required=True, help="table of phonemes that the run was given")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    model = load_checkpoint(options.checkpoint).network
    with np.load(options.voice) as archive:
        recordings = {name: archive[name] for name in archive.files}
    voice = make_voice(recordings, read_phonemes(options.phonemes), model.config.hop_length)
    letters = {number: letter for letter, number in reversed(voice.vocabulary.items())}
    figure, axes = plt.subplots(NUM_UTTERANCES, 1, figsize=(12, 5 * NUM_UTTERANCES), constrained_layout=True)
    for axis, utterance in zip(axes, voice.held_out[:NUM_UTTERANCES], strict=True):
        draw_utterance(axis, model, utterance, letters)
    figure.savefig(options.out, dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    main()
