/**
 * The embedded codec's networks alone, at one thread: time of a call by the number of its frames, and of each step from
 * the weights file to the first result.
 *
 *     npx tsx bench/pipeline/network.bench.ts [--json] [--device cpu]
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseSpeechConfig } from "../../codecs/speech-16k/config";
import { buildDecoder } from "../../codecs/speech-16k/decoder-graph";
import { buildEncoder } from "../../codecs/speech-16k/encoder-graph";
import { readSafetensors } from "../../src/checkpoints/safetensors";
import { NetworkSession } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import type { DeviceRequest, Tensor } from "../../src/runtime/runtime";
import { noise } from "../../test/helpers/synth-audio";
import { machine, takeTurns } from "../harness";

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    device: { type: "string", default: "cpu" },
    rounds: { type: "string", default: "9" },
  },
});
const codec = join(import.meta.dirname, "..", "..", "codecs", "speech-16k");
const frameSeconds = 0.02;
/** Each measured stretch runs this many frames, so that timers and turns do not count. */
const framesPerRound = 200;

const steps: Record<string, number> = {};
/** Runs one step of loading and notes how long it took. */
async function step<T>(name: string, job: () => T | Promise<T>): Promise<T> {
  const begin = performance.now();
  const result = await job();
  steps[name] = Number((performance.now() - begin).toFixed(1));
  return result;
}

const config = parseSpeechConfig(JSON.parse(readFileSync(join(codec, "config.json"), "utf8")));
const { tensors } = await step("read weights", () =>
  readSafetensors(readFileSync(join(codec, "weights", "speech-16k.safetensors"))),
);
const runtime = await step("load onnxruntime", () => openRuntime({ device: values.device as DeviceRequest }));
const encoderNetwork = await step("build encoder", () => buildEncoder(config, tensors, "streaming"));
const encoder = await step("load encoder", () => NetworkSession.create(runtime, encoderNetwork));
const waveform = (numFrames: number): Record<string, Tensor> => {
  const length = numFrames * config.hopLength;
  return { waveform: { data: noise(length, 1), shape: [1, length] } };
};
await step("first latents", () => encoder.openStream().run(waveform(1)));
const decoderNetwork = await step("build decoder", () => buildDecoder(config, tensors, "streaming"));
const decoder = await step("load decoder", () => NetworkSession.create(runtime, decoderNetwork));
const quantized = (numFrames: number): Record<string, Tensor> => {
  return { quantized: { data: noise(numFrames * config.latentDim, 2), shape: [1, numFrames, config.latentDim] } };
};
await step("first spectrum", () => decoder.openStream().run(quantized(1)));

const calls: Record<string, { msOfCall: number; realTimeFactor: number }> = {};
for (const numFrames of [1, 8, 50, 100]) {
  const contender = (session: NetworkSession, feed: Record<string, Tensor>) => async () => {
    const numCalls = Math.max(2, Math.round(framesPerRound / numFrames));
    const stream = session.openStream();
    const begin = performance.now();
    for (let call = 0; call < numCalls; call++) await stream.run(feed);
    return (numCalls * 1000) / (performance.now() - begin);
  };
  const contenders = {
    encoder: contender(encoder, waveform(numFrames)),
    decoder: contender(decoder, quantized(numFrames)),
  };
  for (const [name, perSecond] of Object.entries(await takeTurns(contenders, Number(values.rounds)))) {
    const best = Math.max(...perSecond);
    calls[`${name}, ${numFrames} frames`] = {
      msOfCall: Number((1000 / best).toFixed(3)),
      realTimeFactor: Number((best * numFrames * frameSeconds).toFixed(1)),
    };
  }
}
const report = { machine: machine(), device: runtime.device, notes: runtime.notes, steps, calls };
if (values.json) console.log(JSON.stringify(report));
else {
  console.log(
    report.machine,
    runtime.device,
    runtime.notes,
    "\nmilliseconds of loading, once:",
    steps,
    "\nbest of all rounds:",
  );
  console.table(calls);
}
await encoder.dispose();
await decoder.dispose();
