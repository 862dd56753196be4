/**
 * Encodes and decodes one long signal in a process of its own, and prints the highest resident memory in MiB: what
 * encodec.bench.ts starts to measure memory.
 *
 *     tsx bench/pipeline/encodec-memory.ts WEIGHTS MINUTES
 */
import { loadCodec } from "../../src/index";
import { noise } from "../../test/helpers/synth-audio";

const [, , weights = "", minutes = "10"] = process.argv;
const sampleRate = 24_000;
const audio = { channels: [noise(60 * Number(minutes) * sampleRate, 1, 0.1)], sampleRate };
await using codec = await loadCodec("encodec-24khz", { weights, device: "cpu", numThreads: 1 });
await codec.decode(await codec.encode(audio, { bitsPerSecond: 6000 }));
console.log(process.resourceUsage().maxRSS / 1024);
