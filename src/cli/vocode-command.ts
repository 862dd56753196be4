/** `quantone vocode`: audio → features → vocoder → WAV, chunk by chunk; or features from a file. */
import type { Command } from "commander";
import type { WavEncoder } from "../audio/files/wav-writer";
import { melFrames } from "../features/mel-frames";
import type { NeuralVocoder } from "../vocoder/neural-vocoder";
import { type ByteOutput, type JobPaths, nameInput, openAudioInput, openOutput } from "./byte-streams";
import type { CliEnvironment } from "./environment";
import { assertNpyName, isFeatureFile, readFeatures, saveFeatures } from "./feature-files";
import { formatSeconds } from "./format-values";
import { addRunOptions, loadCommandVocoder, parseBitrate, parseSeed, type RunOptions } from "./job-options";
import { measureSpeed, reportJob, warn } from "./report";
import { assertWavName, sampleFormatOption, type WavOptions, writeWav } from "./wav-output";

interface VocodeCommandOptions extends RunOptions, WavOptions {
  readonly vocoder: string;
  readonly seed: number;
  readonly bitrate?: number;
  readonly saveFeatures?: string;
}

/** Frames on their way to the vocoder. */
interface FeatureInput {
  readonly frames: AsyncIterable<Float32Array> | Iterable<Float32Array>;
  /** How long they are, when that is known. */
  readonly totalSeconds: number | undefined;
  close(): Promise<void>;
}

/** Adds `vocode` to the program. */
export function addVocodeCommand(program: Command, environment: CliEnvironment): void {
  const command = program
    .command("vocode")
    .description("make audio from the log-mel of audio (copy synthesis), or from features in a file")
    .argument(
      "<input>",
      'audio file, - for standard input, or features: .npy [bins, frames], or .safetensors with "log_mel" [frames, bins]',
    )
    .argument("<output>", "WAV file to write, or - for standard output")
    .requiredOption("--vocoder <name>", "vocoder to run; quantone models lists them")
    .addOption(sampleFormatOption())
    .option("--seed <n>", "where the noise of vocoders that draw some begins", parseSeed, 0)
    .option(
      "-b, --bitrate <kbps>",
      "rate that features from a file were quantized at, for vocoders that ask",
      parseBitrate,
    )
    .option("--save-features <file>", "write the features, too, as .npy [bins, frames]");
  addRunOptions(command).action((input: string, output: string, options: VocodeCommandOptions) =>
    runVocode({ input, output }, options, environment).catch((error: unknown) => {
      throw nameInput(error, input);
    }),
  );
}

async function runVocode(paths: JobPaths, options: VocodeCommandOptions, environment: CliEnvironment): Promise<void> {
  const beginMs = environment.now();
  assertWavName(paths.output);
  await using output = await openOutput(paths, environment, options);
  await using featureOutput = await openFeatureOutput(paths.input, options, environment);
  const source = { option: "--weights", weights: options.weights };
  await using vocoder = await loadCommandVocoder(options.vocoder, source, options, environment);
  const input = await openFeatures(paths.input, vocoder, options, environment);
  try {
    const { totalSeconds } = input;
    const frames =
      featureOutput === undefined ? input.frames : saveFeatures(input.frames, vocoder.featureDim, featureOutput);
    const vocoded = {
      sampleRate: vocoder.sampleRate,
      numChannels: 1,
      chunks: vocodeAll(vocoder, frames, options, environment.signal),
      fractionAt: (seconds: number) => (totalSeconds === undefined ? undefined : Math.min(1, seconds / totalSeconds)),
    };
    const encoder = await writeWav(output, vocoded, options, environment);
    await output.commit();
    await featureOutput?.commit();
    reportVocoded(paths, { vocoder, encoder, beginMs }, options, environment);
  } finally {
    await input.close();
  }
}

/**
 * Where the features go, if the options say that they go somewhere.
 *
 * @throws {UsageError} when that is no .npy file, or the input
 */
async function openFeatureOutput(
  input: string,
  options: VocodeCommandOptions,
  environment: CliEnvironment,
): Promise<ByteOutput | undefined> {
  const { saveFeatures: output } = options;
  if (output === undefined) return undefined;
  assertNpyName(output);
  return openOutput({ input, output }, environment, options);
}

async function openFeatures(
  path: string,
  vocoder: NeuralVocoder,
  options: VocodeCommandOptions,
  environment: CliEnvironment,
): Promise<FeatureInput> {
  if (isFeatureFile(path)) {
    const { slices, numFrames, warning } = await readFeatures(path, vocoder);
    if (warning !== undefined) warn(environment, options, warning);
    const totalSeconds = (numFrames * vocoder.hopLength) / vocoder.sampleRate;
    return { frames: slices, totalSeconds, close: async () => undefined };
  }
  const { mel } = vocoder;
  const audio = await openAudioInput(path, environment);
  return {
    frames: melFrames(audio.chunks, mel),
    totalSeconds: audio.numSamples === undefined ? undefined : audio.numSamples / audio.sampleRate,
    close: () => audio.close(),
  };
}

/** All frames as audio, chunk by chunk. */
async function* vocodeAll(
  vocoder: NeuralVocoder,
  frames: FeatureInput["frames"],
  { seed, bitrate }: VocodeCommandOptions,
  signal: AbortSignal,
): AsyncGenerator<{ channels: Float32Array[] }, void> {
  const job = { signal, seed, ...(bitrate !== undefined && { bitsPerSecond: bitrate }) };
  for await (const samples of vocoder.vocodeStream(frames, job)) yield { channels: [samples] };
}

function reportVocoded(
  paths: JobPaths,
  job: { vocoder: NeuralVocoder; encoder: WavEncoder; beginMs: number },
  options: VocodeCommandOptions,
  environment: CliEnvironment,
): void {
  const { vocoder, encoder, beginMs } = job;
  const { name, sampleRate } = vocoder;
  const seconds = encoder.numSamples / sampleRate;
  const speed = measureSpeed(seconds, beginMs, environment);
  const { numSamples, numClipped } = encoder;
  const features = options.saveFeatures;
  const result = { ...paths, features, vocoder: name, sampleRate, numSamples, seconds, numClipped, ...speed.result };
  const summary = `${paths.input} -> ${paths.output} (${formatSeconds(seconds)} ${sampleRate} Hz, ${name}) ${speed.summary}`;
  reportJob(environment, options, { outputPath: paths.output, result, summary });
}
