"""Writes test/golden/npy: files of numpy.save in every form that features come in, and forms that are refused.

Run `python scripts/make_npy_vectors.py` with numpy 2.4.6. Bin m of frame f is m + f / 8, exact in every type.
"""

from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parent.parent / "test" / "golden" / "npy"
NUM_BINS, NUM_FRAMES = 6, 5


def write(name: str, array: np.ndarray, version: tuple[int, int] = (1, 0)) -> None:
    with (OUT / f"{name}.npy").open("wb") as file:
        np.lib.format.write_array(file, array, version=version)


def features(num_frames: int, dtype: str = "<f4") -> np.ndarray:
    """[bins, frames]"""
    bins, frames = np.meshgrid(np.arange(NUM_BINS), np.arange(num_frames), indexing="ij")
    return (bins + frames / 8).astype(dtype)


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    mel = features(NUM_FRAMES)
    write("bins-frames", mel)
    write("frames-bins", np.ascontiguousarray(mel.T))
    write("bins-frames-fortran", np.asfortranarray(mel))
    write("frames-bins-fortran", np.asfortranarray(mel.T))
    write("batch-of-one", mel[np.newaxis])
    write("version-2", mel, version=(2, 0))
    write("half", features(NUM_FRAMES, "<f2"))
    write("double", features(NUM_FRAMES, "<f8"))
    write("square", features(NUM_BINS))
    write("no-frames", features(0))
    write("big-endian", features(NUM_FRAMES, ">f4"))
    write("integers", features(NUM_FRAMES, "<i4"))
    write("batch-of-two", np.stack([mel, mel]))
    write("one-dimension", mel[0])


if __name__ == "__main__":
    main()
