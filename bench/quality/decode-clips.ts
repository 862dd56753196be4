/**
 * Sends clips through one codec at several bitrates and writes what comes back, for `measure.py` to judge.
 *
 *     npx tsx bench/quality/decode-clips.ts --clips FOLDER --out FOLDER --codec speech-16k --bitrates 1500,3000,6000
 *     npx tsx bench/quality/decode-clips.ts --clips FOLDER --out FOLDER --codec lyra-v2 --weights FOLDER --bitrates 3200,9200
 *     npx tsx bench/quality/decode-clips.ts --clips FOLDER --out FOLDER --codec opus --bitrates 6000,8000,12000
 *
 *     npx tsx bench/quality/decode-clips.ts --clips FOLDER --out FOLDER --bitrates 6000 --lost 0.1 --conceal repeat
 *
 *     npx tsx bench/quality/decode-clips.ts --clips FOLDER --out FOLDER --vocoder hifigan --bitrates 6000
 *     npx tsx bench/quality/decode-clips.ts --clips FOLDER --out FOLDER --codec mel --vocoder hifigan-16k
 *
 * Writes `OUT/reference/CLIP.wav` (mono, 16 kHz: what every codec is given) and `OUT/CODEC-BITRATE/CLIP.wav`. `opus` runs
 * opusenc and opusdec of Debian's opus-tools: 20 ms frames, complexity 10, constant bitrate.
 *
 * `--vocoder` decodes with that vocoder in place of the codec's own; with `--codec mel` it gets each clip's own features,
 * which is copy synthesis and has no bitrate.
 *
 * `--lost` takes away that share of the frames, each by itself, the same ones in every run. The decoder is told which
 * (`--conceal decoder`), or gets the frame before once more (`--conceal repeat`), or codewords of index 0 (`--conceal none`).
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { extname, join, parse } from "node:path";
import { parseArgs } from "node:util";
import { mixToMono, readAudioFile, resample, writeWavFile } from "../../src/audio/index";
import { loadCodec, loadVocoder, melSpectrogram, numFrames, type PcmAudio, type TokenFrames } from "../../src/index";
import { seededRandom } from "../../test/helpers/synth-audio";

const sampleRate = 16_000;
const audioExtensions = new Set([".wav", ".flac", ".ogg", ".opus", ".mp3"]);

const { values } = parseArgs({
  options: {
    clips: { type: "string", multiple: true },
    out: { type: "string" },
    codec: { type: "string", default: "speech-16k" },
    weights: { type: "string" },
    vocoder: { type: "string" },
    bitrates: { type: "string", default: "1500,3000,6000" },
    lost: { type: "string", default: "0" },
    conceal: { type: "string", default: "decoder" },
  },
});
if (values.clips === undefined || values.out === undefined) throw new Error("give --clips FOLDER and --out FOLDER");
const { out, codec: codecName } = values;

/** Encodes and decodes one clip; `path` is where the same clip lies as a file, `result` where the codec may write. */
type RoundTrip = (clip: PcmAudio, bitsPerSecond: number, path: string, result: string) => Promise<void>;

async function neural(name: string, weights: string | undefined): Promise<RoundTrip> {
  const codec = await loadCodec(name, weights === undefined ? {} : { weights });
  return async (clip, bitsPerSecond, _path, result) => {
    const tokens = loseFrames(await codec.encode(clip, { bitsPerSecond }));
    const decoded = await codec.decode(tokens, values.vocoder === undefined ? {} : { vocoder: values.vocoder });
    await writeWavFile(result, decoded, { sampleFormat: "f32" });
  };
}

async function copySynthesis(name: string, weights: string | undefined): Promise<RoundTrip> {
  const vocoder = await loadVocoder(name, weights === undefined ? {} : { weights });
  return async (clip, _bitsPerSecond, _path, result) => {
    const [samples = new Float32Array()] = clip.channels;
    await writeWavFile(result, await vocoder.vocode(melSpectrogram(samples, vocoder.mel)), { sampleFormat: "f32" });
  };
}

/** The tokens as they arrive when frames are lost on the way. */
function loseFrames(tokens: TokenFrames): TokenFrames {
  if (lostShare === 0) return tokens;
  const random = seededRandom(1);
  const lostFrames = Uint8Array.from({ length: numFrames(tokens) }, () => Number(random() < lostShare));
  if (values.conceal === "decoder") return { ...tokens, lostFrames };
  const codes = tokens.codes.slice();
  const width = tokens.numChannels * tokens.numCodebooks;
  for (const [frame, isLost] of lostFrames.entries()) {
    if (isLost === 0) continue;
    if (values.conceal === "repeat" && frame > 0) codes.copyWithin(frame * width, (frame - 1) * width, frame * width);
    else codes.fill(0, frame * width, (frame + 1) * width);
  }
  return { ...tokens, codes };
}

const opus: RoundTrip = async (_clip, bitsPerSecond, path, result) => {
  const encoded = `${result}.opus`;
  const rate = ["--hard-cbr", "--bitrate", String(bitsPerSecond / 1000), "--framesize", "20", "--comp", "10"];
  execFileSync("opusenc", ["--quiet", ...rate, path, encoded]);
  execFileSync("opusdec", ["--quiet", "--rate", String(sampleRate), encoded, result]);
};

function* clipPaths(folders: readonly string[]): Generator<string> {
  for (const folder of folders) {
    for (const name of readdirSync(folder).sort()) {
      if (audioExtensions.has(extname(name))) yield join(folder, name);
    }
  }
}

const lostShare = Number(values.lost);
const isCopy = codecName === "mel" && values.vocoder !== undefined;
const names = [codecName, ...(values.vocoder === undefined ? [] : [values.vocoder])];
const label = lostShare === 0 ? names.join(" ") : `${codecName} ${100 * lostShare} % lost ${values.conceal}`;
const bitrates = isCopy ? [0] : values.bitrates.split(",").map(Number);
const roundTrip = await chooseRoundTrip();

async function chooseRoundTrip(): Promise<RoundTrip> {
  if (codecName === "opus") return opus;
  return isCopy ? copySynthesis(values.vocoder ?? "", values.weights) : neural(codecName, values.weights);
}

for (const path of clipPaths(values.clips)) {
  const audio = await readAudioFile(path);
  const clip = await resample({ ...audio, channels: [mixToMono(audio.channels)] }, sampleRate);
  const name = `${parse(path).name}.wav`;
  const reference = join(out, "reference", name);
  mkdirSync(join(out, "reference"), { recursive: true });
  await writeWavFile(reference, clip, { sampleFormat: "f32" });
  for (const bitsPerSecond of bitrates) {
    const folder = join(out, `${label}-${bitsPerSecond}`);
    mkdirSync(folder, { recursive: true });
    await roundTrip(clip, bitsPerSecond, reference, join(folder, name));
  }
  console.error(name);
}
