/** `quantone decode`: container → tokens → WAV, packet by packet. */
import { type Command, Option } from "commander";
import type { WavEncoder } from "../audio/files/wav-writer";
import type { Damage } from "../container/packet-scanner";
import { ContainerError } from "../errors";
import type { TokenFormat } from "../tokens/token-frames";
import type { NeuralVocoder } from "../vocoder/neural-vocoder";
import { countBytes, type JobPaths, nameInput, openInput, openOutput } from "./byte-streams";
import type { CliEnvironment, CommandCodec } from "./environment";
import { InputError, UsageError } from "./exit-codes";
import { formatBytes, formatChannels, formatSeconds } from "./format-values";
import {
  addJobOptions,
  type JobOptions,
  loadCommandCodec,
  loadCommandLanguageModel,
  loadCommandVocoder,
  parseBitrate,
} from "./job-options";
import { describeDamage, measureSpeed, reportJob, warn } from "./report";
import { openTokenFile, tokenFileEndings } from "./token-files";
import type { TokenFile, TokenFileOptions } from "./token-files/token-file";
import { assertWavName, sampleFormatOption, type WavOptions, writeWav } from "./wav-output";

interface DecodeCommandOptions extends JobOptions, WavOptions {
  readonly skipDamaged?: boolean;
  readonly bitrate?: number;
  readonly vocoder?: string;
  readonly vocoderWeights?: string;
}

/** What has been read so far. */
interface ReadTally {
  numBytes: number;
}

/** Adds `decode` to the program. */
export function addDecodeCommand(program: Command, environment: CliEnvironment): void {
  const command = program
    .command("decode")
    .description(`turn a ${tokenFileEndings} file back into a WAV file`)
    .argument("<input>", "file of tokens, or - for standard input")
    .argument("<output>", "WAV file to write, or - for standard output")
    .addOption(sampleFormatOption())
    .addOption(
      new Option("-b, --bitrate <kbps>", "rate of a .lyra file, which does not say it").argParser(parseBitrate),
    )
    .option(
      "--vocoder <name>",
      "vocoder to use in place of the codec's own, such as hifigan or diffwave for speech-16k",
    )
    .option("--vocoder-weights <source>", "its weights: a file, a URL, or owner/model on a hub")
    .option("--skip-damaged", "decode what is undamaged, in its place, and tell what was lost");
  addJobOptions(command).action((input: string, output: string, options: DecodeCommandOptions) =>
    runDecode({ input, output }, options, environment).catch((error: unknown) => {
      throw explainDamage(error, input, options);
    }),
  );
}

/** Names the input, and the way on where there is one: a damaged packet can be left out, a damaged header cannot. */
function explainDamage(error: unknown, path: string, { skipDamaged }: DecodeCommandOptions): unknown {
  const named = nameInput(error, path);
  if (!(error instanceof ContainerError) || !error.isSkippable || skipDamaged === true) return named;
  return new InputError(`${(named as Error).message}\nTo decode what is undamaged, add --skip-damaged.`, {
    cause: error,
  });
}

async function runDecode(paths: JobPaths, options: DecodeCommandOptions, environment: CliEnvironment): Promise<void> {
  const beginMs = environment.now();
  assertWavName(paths.output);
  await using output = await openOutput(paths, environment, options);
  await using input = await openInput(paths.input, environment);
  const tally: ReadTally = { numBytes: 0 };
  const damage: Damage[] = [];
  const onDamage = (lost: Damage) => {
    damage.push(lost);
    warn(environment, options, lost.error.message);
  };
  const reader = await openTokenFile(paths.input, countBytes(input.bytes, tally), {
    ...(options.skipDamaged === true && { onDamage }),
    ...(options.bitrate && { bitsPerSecond: options.bitrate }),
    ...languageModelOf(options, environment),
    signal: environment.signal,
  });
  if (options.lm !== undefined && reader.needsLanguageModel !== true) {
    warn(environment, options, `"${paths.input}" was written without a language model; --lm is not needed`);
  }
  await using codec = await loadCommandCodec(reader.header.codec, options, environment);
  await using vocoder = await loadVocoderOf(reader.header.codec, options, environment);
  const { header } = reader;
  const { numBytes } = input;
  const decoded = {
    sampleRate: header.sampleRate,
    numChannels: header.numChannels * (codec.identity.jointChannels ?? 1),
    chunks: decodeAll({ reader, codec, vocoder }, options, environment.signal),
    fractionAt: () => (numBytes === undefined ? undefined : tally.numBytes / numBytes),
  };
  const encoder = await writeWav(output, decoded, options, environment);
  await output.commit();
  reportDecoded(paths, { header, encoder, damage, tally, beginMs }, options, environment);
}

/** How to load the language model that the options name. */
function languageModelOf(
  options: DecodeCommandOptions,
  environment: CliEnvironment,
): Pick<TokenFileOptions, "loadLanguageModel"> {
  const { lm } = options;
  if (lm === undefined) return {};
  return { loadLanguageModel: (codec) => loadCommandLanguageModel(codec, lm, options, environment) };
}

/**
 * The vocoder that the options name, if they do.
 *
 * @throws {UsageError} for weights of no vocoder
 */
async function loadVocoderOf(
  codec: string,
  options: DecodeCommandOptions,
  environment: CliEnvironment,
): Promise<NeuralVocoder | undefined> {
  const { vocoder, vocoderWeights: weights } = options;
  if (vocoder === undefined) {
    if (weights === undefined) return undefined;
    throw new UsageError("--vocoder-weights are those of a vocoder; name it with --vocoder");
  }
  const shortNames = environment.codecs.find(({ name }) => name === codec)?.vocoders ?? {};
  return loadCommandVocoder(vocoder, { option: "--vocoder-weights", weights, shortNames }, options, environment);
}

interface DecodeJob {
  readonly reader: TokenFile;
  readonly codec: CommandCodec;
  readonly vocoder: NeuralVocoder | undefined;
}

/** All tokens as audio, chunk by chunk. */
function decodeAll({ reader, codec, vocoder }: DecodeJob, options: DecodeCommandOptions, signal: AbortSignal) {
  return codec.decodeStream(reader.tokens(codec.identity.revision), {
    signal,
    ...(options.denoise === true && { denoise: true }),
    ...(vocoder !== undefined && { vocoder }),
  });
}

function reportDecoded(
  paths: JobPaths,
  job: {
    header: TokenFormat;
    encoder: WavEncoder;
    damage: readonly Damage[];
    tally: ReadTally;
    beginMs: number;
  },
  options: DecodeCommandOptions,
  environment: CliEnvironment,
): void {
  const { header, encoder, damage, tally, beginMs } = job;
  const seconds = encoder.numSamples / header.sampleRate;
  const loss = describeDamage(damage);
  const speed = measureSpeed(seconds, beginMs, environment);
  const result = {
    input: paths.input,
    output: paths.output,
    codec: header.codec,
    revision: header.revision,
    sampleRate: header.sampleRate,
    numChannels: encoder.numChannels,
    numSamples: encoder.numSamples,
    numCodebooks: header.numCodebooks,
    bytes: tally.numBytes,
    seconds,
    numClipped: encoder.numClipped,
    ...loss,
    ...speed.result,
  };
  const made = `${formatSeconds(seconds)} ${header.sampleRate} Hz ${formatChannels(encoder.numChannels)}`;
  const { lostFrames } = loss;
  const lost = lostFrames > 0 ? `, ${formatSeconds(lostFrames / header.frameRate)} lost` : "";
  const summary = `${paths.input} (${formatBytes(tally.numBytes)}) -> ${paths.output} (${made}${lost}) ${speed.summary}`;
  reportJob(environment, options, { outputPath: paths.output, result, summary });
}
