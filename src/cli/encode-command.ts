/** `quantone encode`: audio → tokens → container, chunk by chunk. */
import { type Command, Option } from "commander";
import { type AudioStream, numSamples, type PcmAudio } from "../audio/pcm-audio";
import type { EncodeOptions } from "../codec";
import type { ModelArithmetic } from "../container/ecdc/index";
import { TokenError } from "../errors";
import { bitsPerSecondOf, type RateFacts } from "../rvq/bitrate";
import { bitsPerSecond, numFrames, type TokenFrames } from "../tokens/token-frames";
import { type ByteOutput, type JobPaths, nameInput, openAudioInput, openOutput } from "./byte-streams";
import type { CliEnvironment, CommandCodec } from "./environment";
import { UsageError } from "./exit-codes";
import { formatBytes, formatChannels, formatRate, formatSeconds } from "./format-values";
import {
  addJobOptions,
  type JobOptions,
  loadCommandCodec,
  loadCommandLanguageModel,
  parseBitrate,
  parseCount,
  progressBar,
} from "./job-options";
import { measureSpeed, reportJob, warn } from "./report";
import { assertTakesLanguageModel, tokenFileEndings, writeTokenFile } from "./token-files";
import type { DisposableLanguageModel } from "./token-files/token-file";

/** Rates are products of decimals: what differs by rounding is the same. */
const RATE_TOLERANCE = 1e-9;

const FLOAT_WARNING =
  "a language model in floats makes files that decode only where its floats come out the same to the last bit; --lm-arithmetic integer makes files for every machine";

interface EncodeCommandOptions extends JobOptions {
  readonly codec: string;
  readonly bitrate?: number;
  readonly codebooks?: number;
  readonly beamWidth?: number;
  readonly channels: "mix" | "separate";
  readonly lmArithmetic: ModelArithmetic;
}

/** What has gone through, counted on the way. */
interface EncodeTally {
  numInputSamples: number;
  numBeyondFullScale: number;
  /** The largest absolute value of a sample. */
  peak: number;
  numFrames: number;
  numSamples: number;
  numBytes: number;
}

/** Adds `encode` to the program. */
export function addEncodeCommand(program: Command, environment: CliEnvironment): void {
  const command = program
    .command("encode")
    .description(`turn audio (WAV, FLAC, MP3, Ogg Opus, Ogg Vorbis) into tokens in a ${tokenFileEndings} file`)
    .argument("<input>", "audio file, or - for standard input")
    .argument("<output>", "file to write, or - for standard output")
    .option("-c, --codec <name>", "codec to encode with", "speech-16k")
    .addOption(
      new Option("-b, --bitrate <kbps>", "highest rate, in kbit/s before entropy coding").argParser(parseBitrate),
    )
    .addOption(
      new Option("--codebooks <n>", "residual stages to use, instead of a rate")
        .argParser(parseCount)
        .conflicts("bitrate"),
    )
    .addOption(
      new Option(
        "--beam-width <n>",
        "paths that the search for tokens keeps, 1 to 64: more for better sound, fewer for speed (default: the codec's)",
      ).argParser(parseCount),
    )
    .addOption(
      new Option("--channels <how>", "average channels into one, or code each")
        .choices(["mix", "separate"])
        .default("mix"),
    )
    .addOption(
      new Option(
        "--lm-arithmetic <kind>",
        "what --lm computes in: integers, for this program on every machine, or floats, for encodec's own readers where they come out the same",
      )
        .choices(["integer", "float"])
        .default("integer"),
    );
  addJobOptions(command).action((input: string, output: string, options: EncodeCommandOptions) =>
    runEncode({ input, output }, options, environment).catch((error: unknown) => {
      throw nameFile(error, { input, output });
    }),
  );
}

/** Tokens come from the options: where the output cannot hold them, one of the two is to change, and not the input. */
function nameFile(error: unknown, { input, output }: JobPaths): unknown {
  if (!(error instanceof TokenError)) return nameInput(error, input);
  return new UsageError(`the output ${output}: ${error.message}`, { cause: error });
}

async function runEncode(paths: JobPaths, options: EncodeCommandOptions, environment: CliEnvironment): Promise<void> {
  const beginMs = environment.now();
  assertCodecExists(options.codec, environment);
  if (options.lm !== undefined) assertLanguageModelFits(paths.output, options.codec, environment);
  await using output = await openOutput(paths, environment, options);
  const audio = await openAudioInput(paths.input, environment);
  const tally: EncodeTally = {
    numInputSamples: 0,
    numBeyondFullScale: 0,
    peak: 0,
    numFrames: 0,
    numSamples: 0,
    numBytes: 0,
  };
  try {
    await using codec = await loadCommandCodec(options.codec, options, environment);
    checkBitrate(codec.identity, options, environment);
    await using languageModel =
      options.lm === undefined
        ? undefined
        : await loadCommandLanguageModel(options.codec, options.lm, options, environment);
    if (languageModel !== undefined && options.lmArithmetic === "float") warn(environment, options, FLOAT_WARNING);
    const format = await encodeTo(output, {
      path: paths.output,
      audio,
      codec,
      languageModel,
      options,
      environment,
      tally,
    });
    await output.commit();
    reportEncoded(paths, { audio, format, tally, beginMs }, options, environment);
  } finally {
    await audio.close();
  }
}

interface EncodeJob {
  /** Of the output: its ending says what is written. */
  readonly path: string;
  readonly audio: AudioStream;
  readonly codec: CommandCodec;
  readonly languageModel: DisposableLanguageModel | undefined;
  readonly options: EncodeCommandOptions;
  readonly environment: CliEnvironment;
  readonly tally: EncodeTally;
}

/** Encodes all of the audio into the output; returns what the tokens are, for the report. */
async function encodeTo(output: ByteOutput, job: EncodeJob): Promise<TokenFrames> {
  const { path, audio, codec, languageModel, options, environment, tally } = job;
  const bar = progressBar(options, environment);
  const totalSeconds = audio.numSamples === undefined ? undefined : audio.numSamples / audio.sampleRate;
  const encodeOptions: EncodeOptions = {
    channels: options.channels,
    signal: environment.signal,
    onProgress: ({ doneSeconds }) =>
      bar.update(doneSeconds, totalSeconds === undefined ? undefined : doneSeconds / totalSeconds),
    ...(options.bitrate === undefined ? {} : { bitsPerSecond: options.bitrate }),
    ...(options.denoise === true && { denoise: true }),
    ...(options.codebooks === undefined ? {} : { numCodebooks: options.codebooks }),
    ...(options.beamWidth === undefined ? {} : { beamWidth: options.beamWidth }),
  };
  try {
    // An empty signal has a format, too: it comes first, so that audio without samples still makes a file.
    const silence = Array.from({ length: audio.numChannels }, () => new Float32Array(0));
    const empty = await codec.encode({ channels: silence, sampleRate: audio.sampleRate }, encodeOptions);
    const pieces = codec.encodeStream(countSamples(audio.chunks, tally), encodeOptions);
    const writeOptions = { languageModel, arithmetic: options.lmArithmetic, signal: environment.signal };
    for await (const bytes of writeTokenFile(path, countFrames(empty, pieces, tally), writeOptions)) {
      await output.write(bytes);
      tally.numBytes += bytes.length;
    }
    return empty;
  } finally {
    bar.stop();
  }
}

async function* countSamples(chunks: AsyncIterable<PcmAudio>, tally: EncodeTally): AsyncGenerator<PcmAudio, void> {
  for await (const chunk of chunks) {
    tally.numInputSamples += numSamples(chunk);
    for (const channel of chunk.channels) {
      for (const sample of channel) {
        const magnitude = Math.abs(sample);
        if (magnitude > 1) tally.numBeyondFullScale++;
        if (magnitude > tally.peak) tally.peak = magnitude;
      }
    }
    yield chunk;
  }
}

async function* countFrames(
  first: TokenFrames,
  pieces: AsyncIterable<TokenFrames>,
  tally: EncodeTally,
): AsyncGenerator<TokenFrames, void> {
  yield first;
  for await (const piece of pieces) {
    tally.numFrames += numFrames(piece);
    tally.numSamples += piece.numSamples;
    yield piece;
  }
}

function assertCodecExists(name: string, environment: CliEnvironment): void {
  const names = environment.codecs.map((codec) => codec.name);
  if (!names.includes(name)) {
    throw new UsageError(`"--codec" expected one of ${names.join(", ")}, got ${name}; quantone models lists them`);
  }
}

/** @throws {UsageError} when the codec has no language model, or the output takes none */
function assertLanguageModelFits(path: string, codec: string, { languageModelCodecs }: CliEnvironment): void {
  if (!languageModelCodecs.includes(codec)) {
    const expected = languageModelCodecs.join(" or ");
    throw new UsageError(`"--lm" expected the codec ${expected}, got ${codec}; leave it out, or choose one by --codec`);
  }
  assertTakesLanguageModel(path);
}

/**
 * Compares the rate asked for with what the codec has: a rate given in bit/s is far above it, which must not pass in
 * silence.
 *
 * @throws {UsageError} when the rate does not pay for one codebook
 */
function checkBitrate(facts: RateFacts, options: EncodeCommandOptions, environment: CliEnvironment): void {
  const { bitrate } = options;
  if (bitrate === undefined) return;
  const [lowest, highest] = [bitsPerSecondOf(facts, 1), bitsPerSecondOf(facts)];
  if (bitrate < lowest * (1 - RATE_TOLERANCE)) {
    throw new UsageError(`"--bitrate" expected at least ${lowest / 1000} kbit/s, one codebook, got ${bitrate / 1000}`);
  }
  if (bitrate > highest * (1 + RATE_TOLERANCE)) {
    const message = `--bitrate ${bitrate / 1000} is above the highest rate of ${options.codec}, ${highest / 1000} kbit/s, which is used; the unit is kbit/s`;
    warn(environment, options, message);
  }
}

/** Speech is recorded and trained on within full scale; what lies beyond comes back distorted. */
function fullScaleWarning({ numBeyondFullScale, peak }: EncodeTally): string {
  const decibels = Math.ceil(20 * Math.log10(peak));
  return `${numBeyondFullScale} samples lie beyond full scale and code badly; lower the level first: ffmpeg -i INPUT -filter:a volume=-${decibels}dB lower.wav`;
}

function reportEncoded(
  paths: JobPaths,
  job: { audio: AudioStream; format: TokenFrames; tally: EncodeTally; beginMs: number },
  options: EncodeCommandOptions,
  environment: CliEnvironment,
): void {
  const { audio, format, tally, beginMs } = job;
  const seconds = tally.numInputSamples / audio.sampleRate;
  const rate = bitsPerSecond(format);
  const fileRate = seconds > 0 ? (8 * tally.numBytes) / seconds : 0;
  const speed = measureSpeed(seconds, beginMs, environment);
  if (tally.numBeyondFullScale > 0) warn(environment, options, fullScaleWarning(tally));
  const result = {
    input: paths.input,
    output: paths.output,
    source: { format: audio.format, sampleRate: audio.sampleRate, numChannels: audio.numChannels },
    codec: format.codec,
    revision: format.revision,
    sampleRate: format.sampleRate,
    numChannels: format.numChannels,
    numSamples: tally.numSamples,
    numFrames: tally.numFrames,
    numCodebooks: format.numCodebooks,
    bitsPerSecond: rate,
    bytes: tally.numBytes,
    fileBitsPerSecond: fileRate,
    seconds,
    numBeyondFullScale: tally.numBeyondFullScale,
    ...speed.result,
  };
  const source = `${formatSeconds(seconds)} ${audio.sampleRate} Hz ${formatChannels(audio.numChannels)} ${audio.format}`;
  const made = `${formatBytes(tally.numBytes)}, ${formatRate(fileRate)}; ${format.numCodebooks} codebooks, ${formatRate(rate)} before entropy coding`;
  const summary = `${paths.input} (${source}) -> ${paths.output} (${made}) ${speed.summary}`;
  reportJob(environment, options, { outputPath: paths.output, result, summary });
}
