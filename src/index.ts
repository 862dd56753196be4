/** The public surface of the package. It is also the one place in `src/` that knows which codecs there are. */
import { diffwave, diffwave16k, diffwaveFull } from "../codecs/diffwave/index";
import { encodec24khz, encodec32khz, encodec48khz } from "../codecs/encodec/index";
import { hifiganVocoders } from "../codecs/hifi-gan/index";
import { lyraV2 } from "../codecs/lyra-v2/index";
import { soundstream } from "../codecs/soundstream/index";
import { speech16k } from "../codecs/speech-16k/index";
import { vits, vitsKathleen } from "../codecs/vits/index";
import { vocosEncodec24khz, vocosMel24khz } from "../codecs/vocos/index";
import type { PcmAudio } from "./audio/pcm-audio";
import type { Codec, DecodeOptions, EncodeOptions } from "./codec";
import type { CodecDefinition, CodecSource, LoadOptions } from "./codec-definition";
import { loadDefinedCodec } from "./load-codec";
import { loadDefinedSpeechModel } from "./load-speech-model";
import { loadDefinedVocoder } from "./load-vocoder";
import type { SpeechLoadOptions, SpeechModelDefinition } from "./speech-model-definition";
import type { SpeechModel } from "./synthesis/speech-model";
import type { TokenFrames } from "./tokens/token-frames";
import type { NeuralVocoder } from "./vocoder/neural-vocoder";
import type { VocoderDefinition } from "./vocoder-definition";

export {
  DiffwaveGenerator,
  type GenerateOptions,
  type GeneratorOptions,
  loadDiffwaveGenerator,
} from "../codecs/diffwave/index";
export type { PcmAudio } from "./audio/pcm-audio";
export type { DownloadOptions } from "./checkpoints/download/fetch-weights";
export type { WeightsSource } from "./checkpoints/weights-source";
export { Codec, type DecodeOptions, type EncodeOptions, type VocoderLoader } from "./codec";
export type { AssembleOptions, CodecDefinition, CodecSource, LoadOptions, RuntimeOptions } from "./codec-definition";
export type { Denoise } from "./encoder/denoising";
export {
  AudioFormatError,
  BackendError,
  CheckpointError,
  CodecError,
  ContainerError,
  GraphError,
  isCodecError,
  ModelError,
  TextError,
  TokenError,
} from "./errors";
export {
  type MelCompression,
  type MelConfig,
  MelSpectrogramStream,
  melSpectrogram,
} from "./features/mel-spectrogram";
export type { CodecIdentity } from "./pipeline";
export type { ChunkSource, JobOptions, Progress } from "./runtime/job";
export type { Device, DeviceRequest } from "./runtime/runtime";
export type { SpeechAssembleOptions, SpeechLoadOptions, SpeechModelDefinition } from "./speech-model-definition";
export { type ConvertOptions, SpeechModel, type SynthesizeOptions } from "./synthesis/speech-model";
export type { SystemCard } from "./system-card";
export { concatTokenFrames } from "./tokens/concat-token-frames";
export type { Segmentation } from "./tokens/segmentation";
export { splitSegments } from "./tokens/split-segments";
export { assertTokenFrames, bitsPerSecond, numFrames, type TokenFrames } from "./tokens/token-frames";
export { NeuralVocoder, type VocodeOptions } from "./vocoder/neural-vocoder";
export type { VocoderDefinition } from "./vocoder-definition";

/** The codecs that `loadCodec` knows by name. */
export const codecs: readonly CodecDefinition[] = [
  speech16k,
  soundstream,
  lyraV2,
  encodec24khz,
  encodec48khz,
  encodec32khz,
];

/** The codec that `encode` and `decode` use when none is named. */
const embeddedCodec = speech16k.name;

/**
 * Loads a codec.
 *
 * @param source  the name of a codec that comes with the package, or a config with weights of one's own training
 * @param options  device and threads, and weights for a codec that is named
 * @returns a codec that the caller disposes
 * @throws {ModelError} when no codec has that name, or weights and config do not fit each other
 * @throws {BackendError} code `backend-unavailable` when the device asked for is not there; raised by the first call that
 *   needs a network
 * @example
 * await using codec = await loadCodec("speech-16k");
 * const tokens = await codec.encode(audio, { bitsPerSecond: 3000 });
 */
export function loadCodec(source: string | CodecSource, options: LoadOptions = {}): Promise<Codec> {
  return loadDefinedCodec(codecs, vocoders, source, options);
}

/** The vocoders that `loadVocoder` knows by name. */
export const vocoders: readonly VocoderDefinition[] = [
  ...hifiganVocoders,
  diffwave,
  diffwaveFull,
  diffwave16k,
  vocosMel24khz,
  vocosEncodec24khz,
];

/**
 * Loads a vocoder, which turns features into audio.
 *
 * @param source  the name of a vocoder, or a config that names its `system`, with weights of one's own training
 * @param options  device and threads, and weights for a vocoder that is named
 * @returns a vocoder that the caller disposes
 * @throws {ModelError} when no vocoder has that name, or weights and config do not fit each other
 * @throws {BackendError} code `backend-unavailable` when the device asked for is not there; raised by the first call that
 *   needs a network
 * @example
 * await using vocoder = await loadVocoder("hifigan-v1", { weights: "generator_v1" });
 * const audio = await vocoder.vocode(melSpectrogram(samples, vocoder.mel));
 */
export function loadVocoder(source: string | CodecSource, options: LoadOptions = {}): Promise<NeuralVocoder> {
  return loadDefinedVocoder(vocoders, source, options);
}

/** The speech models that `loadSpeechModel` knows by name. */
export const speechModels: readonly SpeechModelDefinition[] = [vits, vitsKathleen];

/**
 * Loads a model that speaks text.
 *
 * @param source  the name of a model, or a config (which names its `system`, or is VITS's) with weights of one's own
 * @param options  device and threads, weights for a model that is named, and how its text is prepared
 * @returns a model that the caller disposes
 * @throws {ModelError} when no model has that name, or weights and config do not fit each other
 * @throws {CheckpointError} when a file of the model cannot be had or read
 * @example
 * await using model = await loadSpeechModel("vits", { weights: "facebook/mms-tts-eng" });
 * const audio = await model.synthesize("Sound is a wave.", { seed: 1 });
 */
export function loadSpeechModel(source: string | CodecSource, options: SpeechLoadOptions = {}): Promise<SpeechModel> {
  return loadDefinedSpeechModel(speechModels, source, options);
}

let sharedCodec: Promise<Codec> | undefined;

/** The embedded codec, loaded by the first `encode` or `decode` and kept for the life of the process. */
function embedded(): Promise<Codec> {
  sharedCodec ??= loadCodec(embeddedCodec).catch((error: unknown) => {
    // A failure is not kept: the next call tries again.
    sharedCodec = undefined;
    throw error;
  });
  return sharedCodec;
}

/**
 * Turns audio into tokens with the embedded speech codec.
 *
 * @example
 * const tokens = await encode(audio, { bitsPerSecond: 3000 });
 */
export async function encode(audio: PcmAudio, options: EncodeOptions = {}): Promise<TokenFrames> {
  return (await embedded()).encode(audio, options);
}

/**
 * Turns tokens of the embedded speech codec back into audio.
 *
 * @example
 * const audio = await decode(tokens);
 * const other = await decode(tokens, { vocoder: "hifigan" }); // with the package @quantone/hifigan-16k
 */
export async function decode(tokens: TokenFrames, options: DecodeOptions = {}): Promise<PcmAudio> {
  return (await embedded()).decode(tokens, options);
}
