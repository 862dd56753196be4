/** The WAV file that a command writes: the names that it may have, and its samples. */
import { extname } from "node:path";
import { Option } from "commander";
import type { WritableSampleFormat } from "../audio/files/sample-formats";
import type { WavEncoder } from "../audio/files/wav-writer";
import type { CliEnvironment } from "./environment";
import { UsageError } from "./exit-codes";
import { type ReportOptions, warn } from "./report";

/** Options of every command that writes a WAV file. */
export interface WavOptions {
  readonly sampleFormat: WritableSampleFormat;
}

/** Endings that promise something else than the WAV that is written. */
const FOREIGN_ENDINGS: ReadonlySet<string> = new Set(
  "aac ac3 aif aifc aiff alac amr ape au caf ecdc flac lyra m4a mka mp2 mp3 mp4 oga ogg opus qtn safetensors snd spx tta w64 webm wma wv"
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

/** Warns when samples were cut off, and names the format that keeps them. */
export function warnOfClipping(
  { numClipped }: WavEncoder,
  options: WavOptions & ReportOptions,
  environment: CliEnvironment,
): void {
  if (numClipped === 0 || options.sampleFormat === "f32") return;
  warn(environment, options, `${numClipped} samples clipped; keep them with --sample-format f32`);
}
