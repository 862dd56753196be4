/**
 * What the container's entropy coding saves on real tokens, and what framing costs.
 *
 *     npx tsx bench/container/compression.bench.ts [--json] [audio files]
 *
 * Without files it takes the evaluation recordings of the shared folder, each coded as a file of its own with the
 * embedded codec. Bytes are compared with ⌈log2 N⌉ bits a token, which other containers spend. Times are medians of
 * three runs over all recordings, in seconds of audio for a second of work on one thread.
 */
import { readdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readAudioFile } from "../../src/audio/files/audio-files";
import { readContainer, readContainerInfo, writeContainer } from "../../src/container/index";
import { bitsPerToken } from "../../src/container/limits";
import { loadCodec, type TokenFrames } from "../../src/index";
import { sharedPath } from "../../test/helpers/shared";

const { values, positionals } = parseArgs({ options: { json: { type: "boolean" } }, allowPositionals: true });
const files = positionals.length > 0 ? positionals : evaluationFiles();
const signals: TokenFrames[] = [];
{
  await using codec = await loadCodec("speech-16k");
  for (const file of files) signals.push(await codec.encode(await readAudioFile(file)));
}
const seconds = signals.reduce((sum, { numSamples, sampleRate }) => sum + numSamples / sampleRate, 0);
const rows = [12, 6, 3].flatMap((numCodebooks) =>
  [50, 128, 256, 512, 1500].map((framesPerPacket) => measure(numCodebooks, framesPerPacket)),
);
if (values.json) {
  console.log(JSON.stringify({ machine: cpus()[0]?.model, files: files.length, seconds, rows }, undefined, 2));
} else {
  console.log(`${files.length} files, ${seconds.toFixed(0)} s of audio; ${cpus()[0]?.model}`);
  console.table(rows);
}

function evaluationFiles(): string[] {
  const names = (folder: string, pattern: RegExp) =>
    readdirSync(sharedPath(folder))
      .filter((name) => pattern.test(name))
      .map((name) => join(sharedPath(folder), name));
  return [...names("audio/eval", /\.flac$/), ...names("audio/lyra", /16kHz\.wav$/)];
}

function measure(numCodebooks: number, framesPerPacket: number) {
  const inputs = signals.map((tokens) => firstStages(tokens, numCodebooks));
  const packedBytes = inputs.reduce(
    (sum, { codes, codebookSize }) => sum + (codes.length * bitsPerToken(codebookSize)) / 8,
    0,
  );
  const coded = inputs.map((tokens) => writeContainer(tokens, { framesPerPacket }));
  const plain = inputs.map((tokens) => writeContainer(tokens, { framesPerPacket, entropyCoding: false }));
  const total = (all: readonly Uint8Array[]) => all.reduce((sum, { length }) => sum + length, 0);
  const framing = total(plain) - packedBytes;
  const percent = (bytes: number) => Number(((100 * bytes) / packedBytes).toFixed(2));
  return {
    numCodebooks,
    framesPerPacket,
    packets: coded.reduce((sum, bytes) => sum + readContainerInfo(bytes).numPackets, 0),
    payloadPercent: percent(total(coded) - framing),
    filePercent: percent(total(coded)),
    writeSpeed: speedOf(() => inputs.forEach((tokens) => void writeContainer(tokens, { framesPerPacket }))),
    readSpeed: speedOf(() => coded.forEach((bytes) => void readContainer(bytes))),
  };
}

/** The same frames at a lower rate: RVQ stages are a prefix code. */
function firstStages(tokens: TokenFrames, numCodebooks: number): TokenFrames {
  const codes = tokens.codes.filter((_, at) => at % tokens.numCodebooks < numCodebooks);
  return { ...tokens, numCodebooks, codes };
}

function speedOf(job: () => void): number {
  const times = [0, 1, 2].map(() => {
    const begin = performance.now();
    job();
    return performance.now() - begin;
  });
  return Math.round((1000 * seconds) / (times.sort((a, b) => a - b)[1] ?? Number.NaN));
}
