/**
 * A recording through our EnCodec and through PyPI encodec: whether the files are the same to the byte, and how far the
 * decoded samples lie apart. For the numbers of codecs/encodec/README.md.
 *
 *     python scripts/encodec/make_vectors.py full DIR
 *     python scripts/encodec/make_vectors.py compress DIR/24khz AUDIO.wav OUT.ecdc
 *     npx tsx scripts/encodec/recording-parity.ts DIR/24khz AUDIO.wav OUT.ecdc
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readAudioFile } from "../../src/audio/index";
import { readEcdc, writeEcdc } from "../../src/container/ecdc/index";
import { loadCodec } from "../../src/index";

const [folder, audioPath, theirPath] = process.argv.slice(2);
if (folder === undefined || audioPath === undefined || theirPath === undefined) {
  throw new Error("usage: recording-parity.ts DIR AUDIO.wav OUT.ecdc");
}
const config: unknown = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
await using codec = await loadCodec({ config, weights: join(folder, "weights.th") }, { device: "cpu" });
const audio = await readAudioFile(audioPath);
const ours = writeEcdc(await codec.encode(audio, { bitsPerSecond: 6000 }));
const theirs = new Uint8Array(readFileSync(theirPath));
const isEqual = Buffer.compare(ours, theirs) === 0;
console.log(`files: ${ours.length} and ${theirs.length} bytes, ${isEqual ? "equal" : "DIFFERENT"}`);

const decoded = await codec.decode(readEcdc(theirs, codec.identity.revision));
const expected = await readAudioFile(theirPath.replace(/\.ecdc$/, ".wav"));
for (const [index, samples] of decoded.channels.entries()) {
  const reference = expected.channels[index] ?? new Float32Array();
  if (samples.length !== reference.length)
    throw new Error(`${samples.length} samples, encodec has ${reference.length}`);
  const differences = samples.map((sample, at) => Math.abs(sample - (reference[at] ?? 0)));
  const steps = samples.map((sample, at) => Math.abs(toInt16(sample) - toInt16(reference[at] ?? 0)));
  const [largest, mostSteps] = [differences, steps].map((values) =>
    values.reduce((most, value) => Math.max(most, value)),
  );
  const unequal = steps.filter((step) => step > 0).length;
  console.log(
    `samples of channel ${index}: ${samples.length}, at most ${largest?.toExponential(1)} apart (rms of the signal ${rootMeanSquare(reference).toFixed(3)}); at 16 bits ${unequal} differ, by at most ${mostSteps} step`,
  );
}

function toInt16(sample: number): number {
  return Math.round(Math.min(Math.max(sample * 32_768, -32_768), 32_767));
}

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
