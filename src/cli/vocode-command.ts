/** `quantone vocode`: audio → features → vocoder → WAV, chunk by chunk; or features from a file. */
import { extname } from "node:path";
import type { Command } from "commander";
import type { WavEncoder } from "../audio/files/wav-writer";
import { openCheckpoint } from "../checkpoints/open-checkpoint";
import { melFrames } from "../features/mel-frames";
import type { NeuralVocoder } from "../vocoder/neural-vocoder";
import { type JobPaths, nameInput, openAudioInput, openOutput } from "./byte-streams";
import type { CliEnvironment } from "./environment";
import { InputError } from "./exit-codes";
import { formatSeconds } from "./format-values";
import { addRunOptions, loadCommandVocoder, parseBitrate, parseSeed, type RunOptions } from "./job-options";
import { measureSpeed, reportJob } from "./report";
import { assertWavName, sampleFormatOption, type WavOptions, writeWav } from "./wav-output";

/** The ending of files that hold features instead of audio. */
const FEATURES_ENDING = ".safetensors";

interface VocodeCommandOptions extends RunOptions, WavOptions {
  readonly vocoder: string;
  readonly seed: number;
  readonly bitrate?: number;
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
    .argument("<input>", `audio file, - for standard input, or a ${FEATURES_ENDING} file with "log_mel" [frames, bins]`)
    .argument("<output>", "WAV file to write, or - for standard output")
    .requiredOption("--vocoder <name>", "vocoder to run; quantone models lists them")
    .addOption(sampleFormatOption())
    .option("--seed <n>", "where the noise of vocoders that draw some begins", parseSeed, 0)
    .option(
      "-b, --bitrate <kbps>",
      "rate that features from a file were quantized at, for vocoders that ask",
      parseBitrate,
    );
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
  const source = { option: "--weights", weights: options.weights };
  await using vocoder = await loadCommandVocoder(options.vocoder, source, options, environment);
  const input = await openFeatures(paths.input, vocoder, environment);
  try {
    const { totalSeconds } = input;
    const vocoded = {
      sampleRate: vocoder.sampleRate,
      numChannels: 1,
      chunks: vocodeAll(vocoder, input, options, environment.signal),
      fractionAt: (seconds: number) => (totalSeconds === undefined ? undefined : Math.min(1, seconds / totalSeconds)),
    };
    const encoder = await writeWav(output, vocoded, options, environment);
    await output.commit();
    reportVocoded(paths, { vocoder, encoder, beginMs }, options, environment);
  } finally {
    await input.close();
  }
}

async function openFeatures(path: string, vocoder: NeuralVocoder, environment: CliEnvironment): Promise<FeatureInput> {
  if (extname(path).toLowerCase() === FEATURES_ENDING) return readFeatures(path, vocoder);
  const { mel } = vocoder;
  const audio = await openAudioInput(path, environment);
  return {
    frames: melFrames(audio.chunks, mel),
    totalSeconds: audio.numSamples === undefined ? undefined : audio.numSamples / audio.sampleRate,
    close: () => audio.close(),
  };
}

/** @throws {InputError} when the file holds no features of the vocoder's width, or some that are no finite numbers */
async function readFeatures(path: string, vocoder: NeuralVocoder): Promise<FeatureInput> {
  using file = await openCheckpoint(path);
  const tensor = file.tensors.get(vocoder.features);
  if (tensor?.shape.length !== 2 || tensor.shape[1] !== vocoder.featureDim) {
    const expected = `a tensor "${vocoder.features}" of the shape [frames, ${vocoder.featureDim}]`;
    const got = tensor === undefined ? [...file.tensors.keys()].join(", ") : `[${tensor.shape.join(", ")}]`;
    throw new InputError(`${path}: expected ${expected}, got ${got}; give features of this vocoder's kind`);
  }
  if (!tensor.data.every(Number.isFinite)) {
    throw new InputError(`${path}: "${vocoder.features}" expected finite numbers; write the features again`);
  }
  const [numFrames = 0] = tensor.shape;
  const totalSeconds = (numFrames * vocoder.hopLength) / vocoder.sampleRate;
  return { frames: [tensor.data], totalSeconds, close: async () => undefined };
}

/** All frames as audio, chunk by chunk. */
async function* vocodeAll(
  vocoder: NeuralVocoder,
  { frames }: FeatureInput,
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
  const result = { ...paths, vocoder: name, sampleRate, numSamples, seconds, numClipped, ...speed.result };
  const summary = `${paths.input} -> ${paths.output} (${formatSeconds(seconds)} ${sampleRate} Hz, ${name}) ${speed.summary}`;
  reportJob(environment, options, { outputPath: paths.output, result, summary });
}
