/** The WAV file that a command writes: the names that it may have, and its samples. */
import { extname } from "node:path";
import { Option } from "commander";
import type { WritableSampleFormat } from "../audio/files/sample-formats";
import { WavEncoder } from "../audio/files/wav-writer";
import type { PcmAudio } from "../audio/pcm-audio";
import type { ByteOutput } from "./byte-streams";
import type { CliEnvironment } from "./environment";
import { UsageError } from "./exit-codes";
import { progressBar, type RunOptions } from "./job-options";
import { warn } from "./report";

/** Options of every command that writes a WAV file. */
export interface WavOptions {
  readonly sampleFormat: WritableSampleFormat;
}

/** Endings that promise something else than the WAV that is written. */
const FOREIGN_ENDINGS: ReadonlySet<string> = new Set(
  "aac ac3 aif aifc aiff alac amr ape au caf ecdc flac lyra m4a mka mp2 mp3 mp4 npy oga ogg opus qtn safetensors snd spx tta w64 webm wma wv"
    .split(" ")
    .map((ending) => `.${ending}`),
);

/** The option that says how samples are written. */
export function sampleFormatOption(): Option {
  return new Option("--sample-format <name>", "16-bit or 24-bit integers, or floats, which cannot clip")
    .choices(["s16", "s24", "f32"])
    .default("s16");
}

/** @throws {UsageError} when the output's name promises something else */
export function assertWavName(path: string): void {
  const ending = extname(path);
  if (!FOREIGN_ENDINGS.has(ending.toLowerCase())) return;
  throw new UsageError(
    `the output ${path} would be a WAV file under the ending ${ending}, and only WAV is written; name it .wav, or convert it: quantone ... - | ffmpeg -i - ${path}`,
  );
}

/** What a command makes. */
export interface MadeAudio {
  readonly sampleRate: number;
  readonly numChannels: number;
  readonly chunks: AsyncIterable<Pick<PcmAudio, "channels">>;
  /** How much of the job is done after so many seconds of audio, 0 to 1, where that can be known. */
  readonly fractionAt?: (seconds: number) => number | undefined;
}

/**
 * Writes audio as it is made, with a bar, and warns of what was cut off. The output is left for the caller to commit.
 *
 * @returns the encoder, which has counted the samples
 */
export async function writeWav(
  output: ByteOutput,
  { sampleRate, numChannels, chunks, fractionAt }: MadeAudio,
  options: WavOptions & RunOptions,
  environment: CliEnvironment,
): Promise<WavEncoder> {
  const encoder = new WavEncoder({ sampleRate, numChannels }, { sampleFormat: options.sampleFormat });
  const bar = progressBar(options, environment);
  try {
    await output.write(encoder.header());
    for await (const { channels } of chunks) {
      await output.write(encoder.push(channels));
      const seconds = encoder.numSamples / sampleRate;
      bar.update(seconds, fractionAt?.(seconds));
    }
    await output.write(encoder.end());
    await output.writeAtStart(encoder.header(encoder.numSamples, { isResizable: true }));
  } finally {
    bar.stop();
  }
  const { numClipped } = encoder;
  if (numClipped > 0 && options.sampleFormat !== "f32") {
    warn(environment, options, `${numClipped} samples clipped; keep them with --sample-format f32`);
  }
  return encoder;
}
