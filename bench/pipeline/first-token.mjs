/** Child of speech-16k.bench.ts: a fresh process that imports the built package and encodes one frame. */
import { performance } from "node:perf_hooks";

const begin = performance.now();
const { loadCodec } = await import("../../dist/index.js");
const imported = performance.now();
const codec = await loadCodec("speech-16k", { device: "cpu" });
await codec.encode({ channels: [new Float32Array(320)], sampleRate: 16_000 });
const encoded = performance.now();
process.stdout.write(JSON.stringify({ importMs: imported - begin, firstTokenMs: encoded - begin }));
await codec.dispose();
