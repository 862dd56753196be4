"""Folders of recordings in, crops out: what is read, what is refused, and what a cache keeps."""

from __future__ import annotations

import io
import itertools
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from quantone_training import data
from quantone_training.data import CropSampler, clips_of, decode, load_cached, recordings


def tone(seconds: float, rate: int) -> np.ndarray:
    return 0.1 * np.sin(np.arange(round(seconds * rate)) * 0.1)


def add_to_tar(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A second of audio in each of five files and kinds, two of them in an archive, beside what is no audio."""
    folder = tmp_path / "speech"
    (folder / "a/b").mkdir(parents=True)
    sf.write(folder / "a/one.wav", np.stack([tone(1, 44100)] * 2, axis=1), 44100)
    sf.write(folder / "a/b/two.FLAC", tone(1, 24000), 24000, format="FLAC")
    sf.write(folder / "three.mp3", tone(1, 16000), 16000, format="MP3")
    (folder / "a/one.txt").write_text("one")
    with tarfile.open(folder / "shard.tar", "w") as archive:
        for name in ("a/four.flac", "rain/five.flac"):
            buffer = io.BytesIO()
            sf.write(buffer, tone(1, 16000), 16000, format="FLAC")
            add_to_tar(archive, name, buffer.getvalue())
        add_to_tar(archive, "a/four.txt", b"four")
    return folder


def test_files_and_archives_are_found_whatever_their_folder(folder: Path) -> None:
    names = ["a/b/two.FLAC", "a/one.wav", "a/four.flac", "rain/five.flac", "three.mp3"]
    assert [name for name, _ in recordings(folder)] == names
    assert [name for name, _ in recordings(folder, ["rain", "three.mp3"])] == names[:3]
    with pytest.raises(FileNotFoundError, match="--data"):
        next(recordings(folder / "none"))


def test_every_clip_comes_at_one_rate_and_level(folder: Path) -> None:
    clips = list(decode(folder, 16000))
    # MP3 pads its ends to whole frames.
    assert [len(clip) for clip in clips[:4]] == [16000] * 4 and 16000 <= len(clips[4]) < 20000
    for clip in clips:
        assert clip.dtype == np.int16 and np.abs(clip).max() == pytest.approx(0.9 * 32767, abs=2)


def test_a_file_that_is_no_audio_is_named_and_passed_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "broken.wav").write_bytes(b"RIFF, or not")
    assert len(list(decode(folder, 16000))) == 5
    assert "passed over broken.wav" in capsys.readouterr().out


def test_long_recordings_come_in_stretches(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "BLOCK_SECONDS", 1)
    sf.write(folder / "long.wav", tone(2.5, 16000), 16000)
    with (folder / "long.wav").open("rb") as file:
        assert [len(clip) for clip in clips_of(file, 16000)] == [16000, 16000, 8000]


def test_the_cache_is_the_clips_end_to_end_and_is_read_again(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "run/audio.npy"
    audio = load_cached(folder, cache, 16000)
    assert np.array_equal(audio, np.concatenate(list(decode(folder, 16000))))
    assert np.array_equal(load_cached(None, cache, 16000), audio)
    assert isinstance(audio, np.memmap) and [path.name for path in tmp_path.glob("run/*partial*")] == []


def test_a_cache_of_another_rate_is_refused(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "audio.npy"
    load_cached(folder, cache, 16000)
    with pytest.raises(ValueError, match="24000 Hz, got 16000"):
        load_cached(folder, cache, 24000)
    # A cache of unknown rate is taken at its word.
    cache.with_suffix(".json").unlink()
    assert len(load_cached(None, cache, 24000)) > 0


def test_without_audio_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no audio to decode"):
        load_cached(tmp_path / "empty", tmp_path / "run/audio.npy", 16000)
    assert list((tmp_path / "run").iterdir()) == []
    with pytest.raises(FileNotFoundError, match="--data"):
        load_cached(None, tmp_path / "run/audio.npy", 16000)


def test_sampler_skips_silence_and_repeats_with_its_seed() -> None:
    audio = np.zeros(64000, dtype=np.int16)
    audio[32000:48000] = 8000
    sampler = CropSampler(audio, 4000)
    crops = sampler.batch(8, torch.Generator().manual_seed(3))
    assert crops.shape == (8, 1, 4000) and bool((crops.abs().amax(2) > 0).all())
    assert torch.equal(crops, sampler.batch(8, torch.Generator().manual_seed(3)))
    with pytest.raises(ValueError, match='"audio" expected more than 64000'):
        CropSampler(audio, 64000)


def test_a_sampler_of_silence_says_so() -> None:
    with pytest.raises(ValueError, match="silence"):
        CropSampler(np.zeros(16000, dtype=np.int16), 400).batch(1, torch.Generator())


def test_recordings_of_the_shared_pack_decode(shared: Path) -> None:
    """The first clips decode to audio that is neither silent nor clipped."""
    clips = list(itertools.islice(decode(shared / "audio/train", 16000), 3))
    assert len(clips) == 3
    for clip in clips:
        assert len(clip) > 4000 and 1000 < np.sqrt(np.mean(clip.astype(float) ** 2)) < 20000
