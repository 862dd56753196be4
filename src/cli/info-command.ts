/** `quantone info`: what is in a file of tokens; all of it is read, so damage shows. */
import { type Command, Option } from "commander";
import type { Damage } from "../container/packet-scanner";
import { bitsPerSecond, numFrames } from "../tokens/token-frames";
import { countBytes, nameInput, openInput } from "./byte-streams";
import type { CliEnvironment } from "./environment";
import { formatBytes, formatChannels, formatRate, formatSeconds } from "./format-values";
import { parseBitrate } from "./job-options";
import { alignColumns, describeDamage, reportAnswer } from "./report";
import { openTokenFile, tokenFileEndings } from "./token-files";

interface InfoCommandOptions {
  readonly json?: boolean;
  readonly bitrate?: number;
}

/** Adds `info` to the program. */
export function addInfoCommand(program: Command, environment: CliEnvironment): void {
  program
    .command("info")
    .description(`tell what is in a ${tokenFileEndings} file, and whether all of it is undamaged`)
    .argument("<input>", "file of tokens, or - for standard input")
    .addOption(
      new Option("-b, --bitrate <kbps>", "rate of a .lyra file, which does not say it").argParser(parseBitrate),
    )
    .option("--json", "print as JSON")
    .action((input: string, options: InfoCommandOptions) =>
      runInfo(input, options, environment).catch((error: unknown) => {
        throw nameInput(error, input);
      }),
    );
}

async function runInfo(path: string, options: InfoCommandOptions, environment: CliEnvironment): Promise<void> {
  await using input = await openInput(path, environment);
  const damage: Damage[] = [];
  const totals = { numBytes: 0, numFrames: 0, numSamples: 0 };
  const onDamage = (lost: Damage) => damage.push(lost);
  const readOptions = { onDamage, ...(options.bitrate && { bitsPerSecond: options.bitrate }) };
  const { header, metadata, length, tokens } = await openTokenFile(path, countBytes(input.bytes, totals), readOptions);
  if (length !== undefined) Object.assign(totals, length);
  else {
    for await (const piece of tokens(header.revision)) {
      totals.numFrames += numFrames(piece);
      totals.numSamples += piece.numSamples;
    }
  }
  const seconds = totals.numSamples / header.sampleRate;
  const rate = bitsPerSecond(header);
  const fileRate = seconds > 0 ? (8 * totals.numBytes) / seconds : 0;
  const result = {
    ...header,
    metadata,
    numFrames: totals.numFrames,
    numSamples: totals.numSamples,
    seconds,
    bytes: totals.numBytes,
    bitsPerSecond: rate,
    fileBitsPerSecond: fileRate,
    ...describeDamage(damage),
  };
  const card = environment.codecs.find(({ name }) => name === header.codec)?.card;
  const numChannels = header.numChannels * (card?.numChannels ?? 1);
  const lines = alignColumns([
    ["codec", `${header.codec}, weights ${header.revision}`],
    [
      "audio",
      `${formatSeconds(seconds)}, ${header.sampleRate} Hz ${formatChannels(numChannels)}, ${totals.numSamples} samples`,
    ],
    [
      "tokens",
      `${totals.numFrames} frames of ${header.numCodebooks} codebooks of ${header.codebookSize}, ${header.frameRate} frames a second`,
    ],
    ["rate", `${formatRate(fileRate)} in the file, ${formatRate(rate)} before entropy coding`],
    ["size", formatBytes(totals.numBytes)],
    ...Object.entries(metadata),
  ]);
  reportAnswer(environment, options, { result, lines });
  if (damage[0] !== undefined) throw damage[0].error;
}
