/**
 * Operations a second of the small kernels around the networks: inverse STFT, CRC-32C, dequantizing, container packets.
 *
 *     npx tsx bench/kernels/signal.bench.ts [--json]
 *
 * Each is far from being what a codec's speed depends on; this is where one would see it if that changed. The statistics
 * are benchmark.js's: mean and relative margin of error of its samples.
 */
import { parseArgs } from "node:util";
import Benchmark from "benchmark";
import { readContainer, writeContainer } from "../../src/container/index";
import { InverseStft } from "../../src/features/inverse-stft";
import { hannWindow } from "../../src/features/window";
import { crc32c } from "../../src/kernels/crc32c";
import { ResidualQuantizer } from "../../src/rvq/index";
import type { TokenFrames } from "../../src/tokens/token-frames";
import { noise, seededRandom } from "../../test/helpers/synth-audio";
import { machine } from "../harness";

const { values } = parseArgs({ options: { json: { type: "boolean" } } });
const random = seededRandom(1);

const fftLength = 512;
const transform = { fftLength, hopLength: 160, window: hannWindow(fftLength), gain: 1, windowSumFloor: 1e-3 };
const inverse = new InverseStft(transform);
const secondOfSpectrum = noise(100 * (fftLength + 2), 1);
const mebibyte = Uint8Array.from({ length: 1 << 20 }, () => 256 * random());
const quantizer = new ResidualQuantizer({
  numCodebooks: 12,
  codebookSize: 1024,
  codebookDim: 64,
  codewords: noise(12 * 1024 * 64, 2),
});
const secondOfCodes = Uint16Array.from({ length: 50 * 12 }, () => 1024 * random());
const tokens: TokenFrames = {
  codec: "speech-16k",
  revision: "1",
  sampleRate: 16_000,
  frameRate: 50,
  numSamples: 16_000,
  numChannels: 1,
  numCodebooks: 12,
  codebookSize: 1024,
  codes: secondOfCodes,
};
const container = writeContainer(tokens);

const suite = new Benchmark.Suite()
  .add("inverse STFT, a second of audio", () => inverse.push(secondOfSpectrum))
  .add("CRC-32C, a mebibyte", () => crc32c(mebibyte))
  .add("dequantize, a second of audio", () => quantizer.dequantize(secondOfCodes, 12))
  .add("write container, a second of audio", () => writeContainer(tokens))
  .add("read container, a second of audio", () => readContainer(container));
const results: { name: string; perSecond: number; marginPercent: number }[] = [];
suite.run();
suite.forEach(({ name, hz, stats }: Benchmark) => {
  results.push({ name: String(name), perSecond: Math.round(hz), marginPercent: Number(stats.rme.toFixed(1)) });
});
const report = { machine: machine(), results };
console.log(values.json ? JSON.stringify(report) : report);
