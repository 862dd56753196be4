"""Character error rate of a voice by a recogniser, beside that of its recordings, on the sentences that were held out.

    pip install pocketsphinx
    python -m quantone_training.vits.recognize --checkpoint RUN/checkpoint.pt --voice RUN/voice.npz \
        --phonemes RUN/phonemes.tsv --texts transcripts.tsv

PocketSphinx's English model hears much worse than people do: what it makes of the recordings is the floor.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from pathlib import Path

import numpy as np
import torch

from .data import Utterance, make_voice
from .export_weights import load_checkpoint
from .text import read_phonemes
from .validation import speak

SAMPLE_RATE = 16000
FULL_LEVEL = 29000


def plain(text: str) -> str:
    """Lower-case letters, apostrophes, and single spaces."""
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())


def edit_distance(wanted: str, heard: str) -> int:
    """Characters to insert, leave out or replace."""
    row = list(range(len(heard) + 1))
    for position, character in enumerate(wanted, 1):
        above, row = row, [position]
        for column, other in enumerate(heard, 1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (character != other)))
    return row[-1]


class Recognizer:
    """PocketSphinx with the English model that its package brings."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self.decoder = Decoder(samprate=float(SAMPLE_RATE), loglevel="ERROR")

    def hear(self, samples: np.ndarray) -> str:
        """Words in samples [T] of any level."""
        samples = samples / max(float(np.abs(samples).max()), 1e-3)
        self.decoder.start_utt()
        self.decoder.process_raw(np.asarray(samples * FULL_LEVEL, dtype=np.int16).tobytes(), full_utt=True)
        self.decoder.end_utt()
        heard = self.decoder.hyp()
        return str(heard.hypstr) if heard else ""


def error_rates(pairs: list[tuple[str, str]]) -> float:
    """Errors in all sentences to characters in all sentences."""
    return sum(edit_distance(wanted, heard) for wanted, heard in pairs) / sum(len(wanted) for wanted, _ in pairs)


def first_readings(utterances: list[Utterance], texts: dict[str, str]) -> list[Utterance]:
    """One reading of each sentence."""
    return list({texts[one.name]: one for one in reversed(utterances)}.values())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--voice", type=Path, required=True, help="decoded recordings, voice.npz")
    parser.add_argument("--phonemes", type=Path, required=True, help="table of phonemes that the run was given")
    parser.add_argument("--texts", type=Path, required=True, help="table with the columns file and text")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    model = load_checkpoint(options.checkpoint).network
    with np.load(options.voice) as archive:
        recordings = {name: archive[name] for name in archive.files}
    with options.texts.open(newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        texts = {row["file"]: plain(row["text"]) for row in rows}
    voice = make_voice(recordings, read_phonemes(options.phonemes), model.config.hop_length)
    recognizer = Recognizer()
    recorded, spoken = [], []
    for utterance in first_readings(voice.held_out, texts):
        wanted = texts[utterance.name]
        recorded.append((wanted, recognizer.hear(utterance.samples)))
        spoken.append((wanted, recognizer.hear(speak(model, utterance.symbols))))
        print(json.dumps({"text": wanted, "recorded": recorded[-1][1], "spoken": spoken[-1][1]}), flush=True)
    rates = {"recorded": round(error_rates(recorded), 4), "spoken": round(error_rates(spoken), 4)}
    print(json.dumps({"sentences": len(spoken), "characterErrorRate": rates}))


if __name__ == "__main__":
    main()
