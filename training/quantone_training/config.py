"""The codec config: one JSON file with camelCase keys, shared by Python and TypeScript.

Each section becomes a frozen dataclass with the same words in snake_case. A key that is missing or unknown is an error
here, so that the two languages cannot drift apart silently.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class EncoderConfig:
    input_kernel_size: int
    channels: int
    dilations: tuple[int, ...]
    output_kernel_size: int


@dataclass(frozen=True)
class RvqConfig:
    num_codebooks: int
    codebook_size: int
    codebook_dim: int


@dataclass(frozen=True)
class ExcitationConfig:
    """direct_bins: so many the network says itself, those above are made of harmonics and noise alone.
    low_bins: the highest bin that harmonics are made from.
    thresholds: one rectifier each, in units of the low band's root mean square.
    bins_per_band: spacing of the masks.
    smoothing_bins: powers are averaged under a triangle that reaches so far to either side.
    level_floor: root mean square of a frame, before spectrum_gain, below which the low band counts as silent.
    power_floor: power of a bin, of a frame with a level of one, below which it counts as silent.
    """

    direct_bins: int
    low_bins: int
    thresholds: tuple[float, ...]
    bins_per_band: int
    smoothing_bins: int
    level_floor: float
    power_floor: float


@dataclass(frozen=True)
class DecoderConfig:
    """lookahead_frames: frames that the network hears beyond the one it decodes; most of the codec's delay."""

    lookahead_frames: int
    input_kernel_size: int
    frame_channels: int
    frame_dilations: tuple[int, ...]
    upsample_factor: int
    upsample_kernel_size: int
    subframe_channels: int
    subframe_dilations: tuple[int, ...]
    excitation: ExcitationConfig


@dataclass(frozen=True)
class VocoderConfig:
    fft_length: int
    hop_length: int
    spectrum_gain: float
    window_sum_floor: float


@dataclass(frozen=True)
class MelConfig:
    fft_length: int
    window_length: int
    hop_length: int
    num_mels: int
    min_frequency_hz: float
    max_frequency_hz: float
    floor: float


@dataclass(frozen=True)
class MelNormalizationConfig:
    """What brings log-mels to about -1 to 1 before the first layer."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class PhaseConfig:
    """The lowest frequencies with their phases, at multiples of `spacing_hz`: magnitudes to the power of `exponent`."""

    num_frequencies: int
    spacing_hz: float
    exponent: float
    floor: float


@dataclass(frozen=True)
class CodecConfig:
    """Everything that fixes the shapes of a codec's tensors."""

    name: str
    sample_rate: int
    hop_length: int
    frame_rate: float
    latent_dim: int
    residual_kernel_size: int
    encoder: EncoderConfig
    rvq: RvqConfig
    decoder: DecoderConfig
    vocoder: VocoderConfig
    mel: MelConfig
    mel_normalization: MelNormalizationConfig
    phase: PhaseConfig

    def __post_init__(self) -> None:
        hop, factor = self.hop_length, self.decoder.upsample_factor
        expect("frameRate", self.frame_rate * hop == self.sample_rate, "sampleRate / hopLength", self.frame_rate)
        expect("decoder.upsampleFactor", hop % factor == 0, f"a divisor of hopLength, {hop}", factor)
        for name, got, wanted in (
            ("vocoder.hopLength", self.vocoder.hop_length, hop // factor),
            ("mel.hopLength", self.mel.hop_length, hop // factor),
            ("rvq.codebookDim", self.rvq.codebook_dim, self.latent_dim),
        ):
            expect(name, got == wanted, str(wanted), got)
        lookahead, kernel_size = self.decoder.lookahead_frames, self.encoder.input_kernel_size
        expect("decoder.lookaheadFrames", lookahead >= 0, "0 or more", lookahead)
        expect("encoder.inputKernelSize", kernel_size >= factor, f"at least {factor}", kernel_size)
        noise_hop = self.vocoder.hop_length
        expect("vocoder.hopLength", noise_hop > 2, "at least 3, for tones of noise", noise_hop)
        excitation, bins = self.decoder.excitation, self.vocoder.fft_length // 2
        direct = excitation.direct_bins
        expect("decoder.excitation.directBins", 1 < direct <= bins, f"2 to {bins}", direct)
        is_below = 0 < excitation.low_bins < direct
        expect("decoder.excitation.lowBins", is_below, f"1 to {direct - 1}, below directBins", excitation.low_bins)
        expect("decoder.excitation.thresholds", len(excitation.thresholds) > 0, "at least one", excitation.thresholds)
        reach = excitation.smoothing_bins
        expect("decoder.excitation.smoothingBins", reach >= 0, "0 or more", reach)
        for name in ("bins_per_band", "level_floor", "power_floor"):
            value = getattr(excitation, name)
            expect(f"decoder.excitation.{camel_case(name)}", value > 0, "a number above 0", value)
        window, deviation = self.mel.window_length, self.mel_normalization.deviation
        is_fitting = self.mel.hop_length <= window <= self.mel.fft_length
        expect("mel.windowLength", is_fitting, "at least mel.hopLength, and at most mel.fftLength", window)
        expect("melNormalization.deviation", deviation > 0, "a number above 0", deviation)
        highest = self.phase.num_frequencies * self.phase.spacing_hz
        is_sampled = 0 < highest <= self.sample_rate / 2
        expect("phase.spacingHz", is_sampled, "frequencies up to half the sample rate", self.phase.spacing_hz)
        expect("phase.floor", self.phase.floor > 0, "a number above 0", self.phase.floor)


def expect(name: str, holds: bool, expected: str, got: object) -> None:
    """Raise a ValueError naming the field unless the condition holds."""
    if not holds:
        raise ValueError(f'"{name}" expected {expected}, got {got!r}')


def snake_case(key: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower()


def camel_case(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.title() for word in tail)


def _build(kind: Any, value: Any, path: str) -> Any:
    """Turn plain JSON or TOML data into the annotated type, checking every key on the way."""
    if dataclasses.is_dataclass(kind):
        return from_mapping(typing.cast(type, kind), value, path)
    origin = typing.get_origin(kind)
    if origin is tuple:
        item = typing.get_args(kind)[0]
        expect(path, isinstance(value, list), "a list", value)
        return tuple(_build(item, entry, f"{path}[{i}]") for i, entry in enumerate(value))
    if origin in (typing.Union, types.UnionType):
        kind = next(option for option in typing.get_args(kind) if option is not type(None))
        return None if value is None else _build(kind, value, path)
    if kind is float:
        expect(path, isinstance(value, (int, float)) and not isinstance(value, bool), "a number", value)
        return float(value)
    expect(path, isinstance(value, kind) and not (kind is int and isinstance(value, bool)), kind.__name__, value)
    return value


def from_mapping(kind: type[T], mapping: dict[str, Any], path: str = "config") -> T:
    """Build a dataclass from a mapping with camelCase keys.

    Raises
    ------
    ValueError
        When a key is missing, unknown or of the wrong type; the message names its path.
    """
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(typing.cast(Any, kind))
    known = {camel_case(field.name) for field in fields}
    for key in mapping:
        expect(f"{path}.{key}", key in known, f"one of {sorted(known)}", key)
    values: dict[str, Any] = {}
    for field in fields:
        key = camel_case(field.name)
        if key in mapping:
            values[field.name] = _build(hints[field.name], mapping[key], f"{path}.{key}")
        else:
            has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
            expect(f"{path}.{key}", has_default, "a value", None)
    return kind(**values)


def to_mapping(value: Any) -> Any:
    """The inverse of `from_mapping`: plain data with camelCase keys."""
    if dataclasses.is_dataclass(value):
        return {camel_case(f.name): to_mapping(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [to_mapping(entry) for entry in value]
    return value


def load_codec_config(path: str | Path) -> CodecConfig:
    """Read a codec's `config.json`."""
    return from_mapping(CodecConfig, json.loads(Path(path).read_text()))


def config_hash(config: Any) -> str:
    """First 16 hex digits of the SHA-256 over the config's canonical JSON (sorted keys, no blanks)."""
    canonical = json.dumps(to_mapping(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
