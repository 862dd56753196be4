/**
 * EnCodec at 24 kHz, full size, random weights, 6 kbps, one thread: beside PyPI encodec in the same run.
 *
 *     npx tsx bench/pipeline/encodec.bench.ts [--json] [--rounds 9] [--their-minutes 2]
 *
 * Speed is of whole calls, samples to tokens and back, in processor time; the two sides take turns, and a ratio is the
 * median of what one round measured. Memory is the peak of a process that encodes and decodes one signal: ours of ten
 * minutes, theirs of as many as `--their-minutes` says, because it takes all of them at once and grows by a gigabyte a
 * minute. A frame in a stream is timed on the wall clock, which is what a live stream waits for.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Codec, loadCodec, type PcmAudio, type TokenFrames } from "../../src/index";
import { speechLike } from "../../test/helpers/synth-audio";
import { pythonEnvironment } from "../compare/python-environment";
import { PythonWorker } from "../compare/python-worker";
import { machine, median, processorSeconds, ratio, takeTurns } from "../harness";

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    rounds: { type: "string", default: "9" },
    "their-minutes": { type: "string", default: "2" },
  },
});
const rounds = Number(values.rounds);
const theirMinutes = Number(values["their-minutes"]);
const ourMinutes = 10;
const sampleRate = 24_000;
const hopLength = 320;
const seconds = 10;
const rate = { bitsPerSecond: 6000 };
const signal = speechLike(60 * theirMinutes * sampleRate, 1);
const audio: PcmAudio = { channels: [signal.subarray(0, seconds * sampleRate)], sampleRate };

const folder = mkdtempSync(join(tmpdir(), "quantone-bench-"));
try {
  writeFileSync(join(folder, "audio.f32"), signal);
  const encodec = await startEncodec();
  const weights = join(folder, "weights.th");
  await using codec = await loadCodec("encodec-24khz", { weights, device: "cpu", numThreads: 1 });
  const report = {
    machine: machine(),
    threads: 1,
    clock: "processor time",
    rival: encodec.greeting,
    seconds,
    rounds,
    tokensThatDiffer: await countDifferences(codec, encodec),
    ...(await speeds(codec, encodec)),
    ...(await oneFrame(codec)),
    memory: await memory(weights),
  };
  encodec.stop();
  console.log(values.json ? JSON.stringify(report, null, 2) : report);
} finally {
  rmSync(folder, { recursive: true });
}

function startEncodec(): Promise<PythonWorker> {
  const compare = join(import.meta.dirname, "..", "compare");
  const python = pythonEnvironment(join(compare, "encodec-requirements.txt"), ["encodec==0.1.1"]);
  return PythonWorker.start(python, join(compare, "encodec_model.py"), [folder]);
}

/** Both sides did the same work: of 10 s all tokens but near ties are equal. */
async function countDifferences(codec: Codec, encodec: PythonWorker) {
  await encodec.ask(`tokens ${seconds}`);
  const theirs = new Uint16Array(new Uint8Array(readFileSync(join(folder, "tokens.u16"))).buffer);
  const { codes } = await codec.encode(audio, rate);
  if (codes.length !== theirs.length) throw new Error(`${codes.length} tokens, encodec gives ${theirs.length}`);
  return { tokens: codes.length, different: codes.filter((code, index) => code !== theirs[index]).length };
}

/** Seconds of audio in a second, and how many times as many as encodec's. */
async function speeds(codec: Codec, encodec: PythonWorker) {
  const tokens = await codec.encode(audio, rate);
  const theirs = (command: string) => async () => seconds / Number(await encodec.ask(`${command} ${seconds}`));
  const contenders = {
    encode: ours(() => codec.encode(audio, rate)),
    encodecEncode: theirs("encode"),
    decode: ours(() => codec.decode(tokens)),
    encodecDecode: theirs("decode"),
  };
  const shipped = await takeTurns(contenders, rounds);
  await encodec.ask("fold");
  const folded = await takeTurns(contenders, rounds);
  const besides = (measured: typeof shipped) => ({
    encode: compare(measured.encode, measured.encodecEncode),
    decode: compare(measured.decode, measured.encodecDecode),
  });
  return { asShipped: besides(shipped), weightNormFolded: besides(folded) };
}

function ours(job: () => Promise<unknown>) {
  return async () => {
    const begin = processorSeconds();
    await job();
    return seconds / (processorSeconds() - begin);
  };
}

function compare(own: readonly number[], encodec: readonly number[]) {
  const round = (value: number) => Number(value.toFixed(1));
  return {
    realTimeFactor: round(median(own)),
    encodecs: round(median(encodec)),
    ratio: Number(ratio(own, encodec).toFixed(2)),
  };
}

/** Milliseconds for one frame of 13.3 ms in a live stream, whole pipeline each way. */
async function oneFrame(codec: Codec) {
  const [encodeMs, decodeMs]: [number[], number[]] = [[], []];
  const pieces: TokenFrames[] = [];
  await frameByFrame(codec.encodeStream(frames(), rate), encodeMs, (piece) => pieces.push(piece));
  await frameByFrame(codec.decodeStream(pieces), decodeMs, () => {});
  const latency = (times: readonly number[]) => ({
    medianMs: Number(median(times).toFixed(2)),
    p99Ms: Number(([...times].sort((a, b) => a - b)[Math.floor(0.99 * times.length)] ?? 0).toFixed(2)),
  });
  return { encodeFrame: latency(encodeMs), decodeFrame: latency(decodeMs) };
}

function* frames(): Generator<PcmAudio> {
  for (let begin = 0; begin < seconds * sampleRate; begin += hopLength) {
    yield { channels: [signal.subarray(begin, begin + hopLength)], sampleRate };
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

/** Peak of each side's process, MiB. */
async function memory(weights: string) {
  const script = join(import.meta.dirname, "encodec-memory.ts");
  const printed = execFileSync("npx", ["tsx", script, weights, String(ourMinutes)], { encoding: "utf8" });
  const rival = await startEncodec();
  await rival.ask(`encode ${60 * theirMinutes}`);
  await rival.ask(`decode ${60 * theirMinutes}`);
  const theirs = Math.round(Number(await rival.ask("peak")));
  rival.stop();
  return {
    minutes: ourMinutes,
    peakMiB: Math.round(Number(printed)),
    encodecMinutes: theirMinutes,
    encodecPeakMiB: theirs,
  };
}
