/**
 * Lyra V2's published files give what LiteRT gives with them: every token, and every sample to the bit. The signal comes
 * from a formula, and the vectors from scripts/lyra-v2/make_published_vectors.py; the files lie beside some checkouts.
 * On recordings: scripts/lyra-v2/parity.ts, with its numbers in codecs/lyra-v2/README.md.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readCodebooks } from "../../codecs/lyra-v2/codebooks";
import { parseLyraConfig } from "../../codecs/lyra-v2/config";
import config from "../../codecs/lyra-v2/config.json";
import { memorySource } from "../../src/checkpoints/byte-source";
import { elementFormats } from "../../src/checkpoints/element-formats";
import { readTflite } from "../../src/checkpoints/tflite/tflite-model";
import { readLyra, readLyraPacket, writeLyra } from "../../src/container/index";
import { type Codec, loadCodec, type TokenFrames } from "../../src/index";
import { hasShared, sharedPath } from "../helpers/shared";
import { chunksOf, collect } from "../helpers/stream-pieces";

interface Manifest {
  readonly numFrames: number;
  readonly framesPerLevel: number;
  readonly levelShifts: readonly number[];
  readonly samplesSha256: string;
  readonly packets: string;
  readonly decodedSha256: Readonly<Record<string, string>>;
}

const manifest: Manifest = JSON.parse(
  readFileSync(join(import.meta.dirname, "lyra-published", "manifest.json"), "utf8"),
);
const hopLength = 320;
const samples = makeSignal();

/** The formula of make_published_vectors.py. */
function makeSignal(): Float32Array {
  const { numFrames, framesPerLevel, levelShifts } = manifest;
  let state = 1;
  let leaky = 0;
  return Float32Array.from({ length: numFrames * hopLength }, (_, index) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const stretch = Math.floor(index / (framesPerLevel * hopLength));
    const white = (state >>> 16) - 32768;
    leaky = leaky - Math.floor(leaky / 16) + Math.floor(white / 16);
    const chosen = stretch % 2 === 1 ? leaky : white;
    return chosen / 32768 / 2 ** (levelShifts[stretch % levelShifts.length] ?? 0);
  });
}

/** A zero has one sign only in a hash. */
function sha256(numbers: Float32Array): string {
  const unsigned = numbers.map((value) => value + 0);
  return createHash("sha256").update(new Uint8Array(unsigned.buffer)).digest("hex");
}

it("the signal is the generator's", () => {
  expect(sha256(samples)).toBe(manifest.samplesSha256);
});

describe.skipIf(!hasShared)("Lyra V2 from its published files", async () => {
  const codec: Codec | undefined = hasShared
    ? await loadCodec("lyra-v2", { weights: sharedPath("models/lyra"), device: "cpu" })
    : undefined;
  afterAll(() => codec?.dispose());
  const lyra = () => codec as Codec;
  const expected = Buffer.from(manifest.packets, "hex");
  const tokens = (): TokenFrames => readLyra(expected, { revision: lyra().identity.revision, bitsPerSecond: 9200 });

  // TFLite's own kernels without XNNPACK agree with it in half of the tokens (docs/decisions/0090-lyra-networks.md).
  it("finds every token of LiteRT", async () => {
    const found = await lyra().encode({ channels: [samples], sampleRate: 16_000 });
    expect(found).toEqual(tokens());
    expect(Buffer.from(writeLyra(found))).toEqual(expected);
  });

  it.each([320, 337, 4000])("finds them in chunks of %i samples", async (size) => {
    const pieces = await collect(lyra().encodeStream(chunksOf({ channels: [samples], sampleRate: 16_000 }, size)));
    expect(Uint16Array.from(pieces.flatMap(({ codes }) => [...codes]))).toEqual(tokens().codes);
  });

  it.each([16, 30, 46])("decodes %i stages to every sample of LiteRT", async (numCodebooks) => {
    const codes = tokens().codes.filter((_, at) => at % 46 < numCodebooks);
    const [decoded = new Float32Array()] = (await lyra().decode({ ...tokens(), numCodebooks, codes })).channels;
    expect(sha256(decoded)).toBe(manifest.decodedSha256[numCodebooks]);
  });

  it("decodes to the same samples packet by packet", async () => {
    const packets = Array.from({ length: manifest.numFrames }, (_, frame) => ({
      ...tokens(),
      numSamples: hopLength,
      codes: tokens().codes.subarray(frame * 46, (frame + 1) * 46),
    }));
    const pieces = await collect(lyra().decodeStream(packets));
    const decoded = Float32Array.from(pieces.flatMap(({ channels }) => [...(channels[0] ?? [])]));
    expect(sha256(decoded)).toBe(manifest.decodedSha256["46"]);
  });

  it("decodes a stream of packets of changing rates, some of them lost", async () => {
    const all = tokens().codes;
    const rates = [46, 16, undefined, 30];
    const pieces = Array.from({ length: 40 }, (_, frame) => {
      const stages = rates[frame % rates.length];
      const codes = all.subarray(frame * 46, frame * 46 + (stages ?? 0));
      const packet = stages && writeLyra({ ...tokens(), numCodebooks: stages, numSamples: hopLength, codes });
      return readLyraPacket(packet || undefined, lyra().identity.revision);
    });
    const heard = await collect(lyra().decodeStream(pieces));
    const decoded = heard.flatMap(({ channels }) => [...(channels[0] ?? [])]);
    expect(decoded.length).toBe(40 * hopLength);
    // Its first frame knows nothing of the others. A concealed one is of the size of its neighbours, not more.
    const [whole = new Float32Array()] = (await lyra().decode(tokens())).channels;
    expect(decoded.slice(0, hopLength)).toEqual([...whole.subarray(0, hopLength)]);
    const energy = (frame: number) => Math.hypot(...decoded.slice(frame * hopLength, (frame + 1) * hopLength));
    for (let lost = 2; lost < 40; lost += 4) expect(energy(lost)).toBeLessThan(3 * (energy(lost - 1) + energy(lost + 1)));
  });

  it("has one set of codebooks, in the network that encodes and in the one that decodes", () => {
    const model = readTflite(memorySource(readFileSync(sharedPath("models/lyra/quantizer.tflite"))));
    const { codewords } = readCodebooks(model, parseLyraConfig(config));
    const decode = model.subgraphs[model.signatures.find(({ key }) => key === "decode")?.subgraph ?? -1];
    // A stage's codebook is gathered with the index that is sliced out of the tokens at its place.
    const gathered = decode?.operators.filter(({ name }) => name === "GATHER") ?? [];
    for (const { inputs } of gathered) {
      const slice = decode?.operators.find(({ outputs }) => outputs[0] === inputs[1]);
      const begin = decode?.tensors[slice?.inputs[1] ?? -1]?.stored ?? new Uint8Array();
      const stage = elementFormats.get("I32")?.decode?.(begin)[0] ?? -1;
      const stored = decode?.tensors[inputs[0] ?? -1]?.stored ?? new Uint8Array();
      expect(elementFormats.get("F32")?.decode?.(stored)).toEqual(codewords.slice(stage * 1024, (stage + 1) * 1024));
    }
    expect(gathered.length).toBe(46);
  });
});
