/**
 * The main job, start to end, on the clip in docs/examples: encodes it with the embedded codec, writes the container,
 * reads it back, decodes it and writes the WAV. `npm run demo`.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { readAudioFile, writeWavFile } from "../src/audio/index";
import { readContainer, writeContainer } from "../src/container/index";
import { bitsPerSecond, loadCodec, numFrames } from "../src/index";

const clipPath = join(import.meta.dirname, "..", "docs", "examples", "demo-speech.flac");
const folder = join(import.meta.dirname, "..", "demo-output");
const tokenPath = join(folder, "demo-speech.qtn");
const wavPath = join(folder, "demo-speech.wav");
const clipWavPath = join(folder, "original.wav");

const audio = await readAudioFile(clipPath);
const seconds = (audio.channels[0]?.length ?? 0) / audio.sampleRate;
await mkdir(folder, { recursive: true });

const loading = performance.now();
await using codec = await loadCodec("speech-16k");
// The networks are built by the first call that needs them: a moment of silence, so that the speeds below are the codec's.
const silence = { channels: [new Float32Array(codec.identity.hopLength)], sampleRate: audio.sampleRate };
await codec.decode(await codec.encode(silence));
const loadMs = performance.now() - loading;

const encoding = performance.now();
const tokens = await codec.encode(audio);
const encodeSeconds = (performance.now() - encoding) / 1000;
const bytes = writeContainer(tokens);
await writeFile(tokenPath, bytes);

const readTokens = readContainer(await readFile(tokenPath));
const decoding = performance.now();
const restored = await codec.decode(readTokens);
const decodeSeconds = (performance.now() - decoding) / 1000;
const { numClipped } = await writeWavFile(wavPath, restored);
await writeWavFile(clipWavPath, audio);

const shown = (path: string) => relative(process.cwd(), path);
const kbps = (rate: number) => `${(rate / 1000).toFixed(2)} kbit/s`;
console.log(`clip      ${shown(clipPath)}: ${seconds.toFixed(1)} s of speech, ${audio.sampleRate} Hz`);
console.log(`codec     ${tokens.codec}, weights ${tokens.revision}, loaded in ${loadMs.toFixed(0)} ms`);
console.log(`tokens    ${numFrames(tokens)} frames of ${tokens.numCodebooks}, ${kbps(bitsPerSecond(tokens))}`);
console.log(`file      ${bytes.length} bytes, ${kbps((8 * bytes.length) / seconds)} with entropy coding and header`);
console.log(`encode    ${(seconds / encodeSeconds).toFixed(0)} x real time`);
console.log(
  `decode    ${(seconds / decodeSeconds).toFixed(0)} x real time${numClipped > 0 ? `, ${numClipped} samples clipped` : ""}`,
);
console.log(`written   ${shown(tokenPath)}`);
console.log(`          ${shown(wavPath)}, and the clip beside it as ${shown(clipWavPath)}`);
