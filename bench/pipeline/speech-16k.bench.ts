/**
 * Speed and size of the embedded codec, at one thread: real-time factors, latency of one frame, load time, memory.
 *
 *     npm run bench:pipeline [-- --json]
 *
 * Encode and decode take turns, so that a slow moment of the machine falls on both. A real-time factor of 60 means that
 * a minute of audio takes a second.
 */
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Codec, loadCodec, type PcmAudio, type TokenFrames } from "../../src/index";
import { speechLike } from "../../test/helpers/synth-audio";
import { machine, median, summary, takeTurns } from "../harness";

const { values } = parseArgs({ options: { json: { type: "boolean" }, rounds: { type: "string", default: "7" } } });
const rounds = Number(values.rounds);
const sampleRate = 16_000;
const hopLength = 320;
const seconds = 20;
const audio: PcmAudio = { channels: [speechLike(seconds * sampleRate, 1)], sampleRate };

/** Real-time factors of the one-shot calls: seconds of audio in a second. */
async function oneShot(codec: Codec) {
  const tokens = await codec.encode(audio);
  const realTimeFactor = (job: () => Promise<unknown>) => async () => (seconds * 1000) / (await timed(job));
  const measured = await takeTurns(
    { encode: realTimeFactor(() => codec.encode(audio)), decode: realTimeFactor(() => codec.decode(tokens)) },
    rounds,
  );
  return { encodeRealTimeFactor: summary(measured.encode), decodeRealTimeFactor: summary(measured.decode) };
}

/** Real-time factors of encoding along so many paths, which take turns. */
async function byBeamWidth(codec: Codec) {
  const contenders = Object.fromEntries(
    [1, 4, 8, 16].map((beamWidth) => [
      beamWidth,
      async () => (seconds * 1000) / (await timed(() => codec.encode(audio, { beamWidth }))),
    ]),
  );
  const measured = await takeTurns(contenders, rounds);
  return Object.fromEntries(Object.entries(measured).map(([width, factors]) => [width, summary(factors)]));
}

async function timed(job: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await job();
  return performance.now() - begin;
}

/** Milliseconds for one frame of 20 ms in a live stream, whole pipeline each way. */
async function oneFrame(codec: Codec) {
  const encodeMs: number[] = [];
  const decodeMs: number[] = [];
  const pieces: TokenFrames[] = [];
  await frameByFrame(codec.encodeStream(frames()), encodeMs, (piece) => pieces.push(piece));
  await frameByFrame(codec.decodeStream(pieces), decodeMs, () => {});
  const latency = (times: readonly number[]) => ({
    medianMs: Number(median(times).toFixed(3)),
    p99Ms: Number(([...times].sort((a, b) => a - b)[Math.floor(0.99 * times.length)] ?? 0).toFixed(3)),
  });
  return { encodeFrame: latency(encodeMs), decodeFrame: latency(decodeMs) };
}

function* frames(): Generator<PcmAudio> {
  const samples = audio.channels[0] ?? new Float32Array(0);
  for (let begin = 0; begin < samples.length; begin += hopLength) {
    yield { channels: [samples.subarray(begin, begin + hopLength)], sampleRate };
  }
}

async function frameByFrame<T>(pieces: AsyncIterable<T>, times: number[], take: (piece: T) => void): Promise<void> {
  let begin = performance.now();
  for await (const piece of pieces) {
    times.push(performance.now() - begin);
    take(piece);
    begin = performance.now();
  }
}

/** From the start of `import` to the first token, each time in a fresh process of the built package. */
function firstToken() {
  const child = join(import.meta.dirname, "first-token.mjs");
  const runs = Array.from({ length: rounds }, () => {
    const printed = execFileSync("node", [child], { encoding: "utf8" });
    return JSON.parse(printed) as { importMs: number; firstTokenMs: number };
  });
  const middle = (key: "importMs" | "firstTokenMs"): number => Math.round(median(runs.map((run) => run[key])));
  return { importMs: middle("importMs"), importToFirstTokenMs: middle("firstTokenMs") };
}

const weights = join(import.meta.dirname, "..", "..", "codecs", "speech-16k", "weights", "speech-16k.safetensors");
await using codec = await loadCodec("speech-16k", { device: "cpu", numThreads: 1 });
const report = {
  machine: machine(),
  threads: 1,
  seconds,
  ...(await oneShot(codec)),
  encodeRealTimeFactorByBeamWidth: await byBeamWidth(codec),
  ...(await oneFrame(codec)),
  ...firstToken(),
  weightsMegabytes: Number((statSync(weights).size / 1e6).toFixed(2)),
  peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
};
console.log(values.json ? JSON.stringify(report) : report);
