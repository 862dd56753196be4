/**
 * What discontinuous transmission does to clips: `npx tsx scripts/lyra-v2/dtx.ts MODELS OUT CLIP...`, then
 * `python scripts/lyra-v2/dtx.py OUT` tells the numbers of codecs/lyra-v2/README.md.
 *
 * OUT gets, of each clip mixed to one channel at 16 kHz, `NAME.samples.f32`, `NAME.marks.u8` (1 for each frame that is not
 * sent), and what 9.2 kbps decode to with and without, `NAME.dtx.f32` and `NAME.all.f32`; and clips.json with the names.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, parse } from "node:path";
import { mixToMono, type PcmAudio, readAudioFile, resample } from "../../src/audio/index";
import { type Codec, loadCodec, numFrames } from "../../src/index";

const [models = "", folder = "", ...clips] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
await using codec = await loadCodec("lyra-v2", { weights: models, device: "cpu" });
for (const path of clips) await encodeBothWays(codec, path);
writeFileSync(join(folder, "clips.json"), JSON.stringify(clips.map((path) => parse(path).name)));

async function encodeBothWays(lyra: Codec, path: string): Promise<void> {
  const { channels, sampleRate } = await readAudioFile(path);
  const audio = await resample({ channels: [mixToMono(channels)], sampleRate }, lyra.identity.sampleRate);
  const tokens = await lyra.encode(audio, { dtx: true });
  const { lostFrames = new Uint8Array(numFrames(tokens)) } = tokens;
  const keep = (ending: string, values: Float32Array | Uint8Array) =>
    writeFileSync(
      join(folder, `${parse(path).name}.${ending}`),
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    );
  keep("samples.f32", firstOf(audio));
  keep("marks.u8", lostFrames);
  keep("dtx.f32", firstOf(await lyra.decode(tokens)));
  keep("all.f32", firstOf(await lyra.decode(await lyra.encode(audio))));
}

function firstOf({ channels }: PcmAudio): Float32Array {
  return channels[0] ?? new Float32Array(0);
}
