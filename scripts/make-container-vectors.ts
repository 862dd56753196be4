/**
 * Makes the test vectors of the container format: test/golden/container/*.qtn and manifest.json.
 *
 *     npx tsx scripts/make-container-vectors.ts
 *
 * Tokens come from formulas, not from a generator of random numbers, so that another implementation can make them too.
 * Run it again only when the format changes, and change docs/format.md in the same commit.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type ContainerOptions, writeContainer } from "../src/container/index";
import { crc32c } from "../src/kernels/crc32c";
import type { TokenFormat, TokenFrames } from "../src/tokens/token-frames";

/** A file and what reading it must give. */
export interface Vector {
  readonly name: string;
  readonly about: string;
  readonly bytes: Uint8Array;
  /** Set where the file reads without error. */
  readonly tokens?: TokenFrames;
  /** Set where it does not. */
  readonly error?: { readonly code: string; readonly byteOffset: number };
  /** Frames [first, end) that are lost when a file with an error is recovered. */
  readonly lostFrames?: readonly (readonly [number, number])[];
}

export const vectorFolder = join(import.meta.dirname, "..", "test", "golden", "container");

const base: TokenFormat = {
  codec: "speech-16k",
  revision: "0123456789ab",
  sampleRate: 16000,
  frameRate: 50,
  numChannels: 1,
  numCodebooks: 3,
  codebookSize: 1024,
};

/** Tokens [F, C, K] by formula: those of channel c and stage k stay the same for `hold` frames. */
function tokensOf(
  frames: number,
  hold: number,
  paddingSamples: number,
  fields: Partial<TokenFormat> = {},
): TokenFrames {
  const format = { ...base, ...fields };
  const perFrame = format.numChannels * format.numCodebooks;
  const codes = Uint16Array.from({ length: frames * perFrame }, (_, at) => {
    const held = Math.floor(Math.floor(at / perFrame) / hold);
    return ((held + 1) * 7919 * ((at % perFrame) + 1)) % format.codebookSize;
  });
  return { ...format, numSamples: Math.round(frames * (format.sampleRate / format.frameRate)) - paddingSamples, codes };
}

/**
 * Tokens in segments of 20 frames of 400 samples, which begin every 7920 samples. The scale of segment s and channel c is
 * (1 + s + c / 4) / 8.
 */
function segmentsOf(numSamples: number, fields: Partial<TokenFormat> = {}): TokenFrames {
  const segmentation = { segmentSamples: 8000, overlapSamples: 80 };
  const lengths: number[] = [];
  for (let begin = 0; begin < numSamples; begin += 7920) lengths.push(Math.min(8000, numSamples - begin));
  const frames = lengths.reduce((sum, length) => sum + Math.ceil(length / 400), 0);
  const tokens = tokensOf(frames, 5, 0, { frameRate: 40, ...fields });
  const scales = Float32Array.from({ length: lengths.length * tokens.numChannels }, (_, index) => {
    const segment = Math.floor(index / tokens.numChannels);
    return (1 + segment + (index % tokens.numChannels) / 4) / 8;
  });
  return { ...tokens, numSamples, segmentation, scales };
}

/** Bytes of a packet, by the index in the trailer. */
function lengthOfPacket(bytes: Uint8Array, index: number): number {
  const view = new DataView(bytes.buffer);
  const trailer = bytes.length - view.getUint32(bytes.length - 8, true);
  return view.getUint16(trailer + 14 + 3 * index, true);
}

function whole(name: string, about: string, tokens: TokenFrames, options: ContainerOptions): Vector {
  return { name, about, bytes: writeContainer(tokens, options), tokens };
}

/** A file whose header says version 1.9 and has two fields more than version 1.0 knows. */
function laterMinorVersion(tokens: TokenFrames): Vector {
  const bytes = writeContainer(tokens, { framesPerPacket: 4, metadata: { title: "later" } });
  const headerBytes = (bytes[10] ?? 0) + 256 * (bytes[11] ?? 0);
  // An array of 9 fields becomes one of 11: true, and an array of a float.
  const fields = Uint8Array.of(0xc3, 0x91, 0xca, 0x3f, 0x80, 0x00, 0x00);
  const longer = new Uint8Array(bytes.length + fields.length);
  longer.set(bytes.subarray(0, 12 + headerBytes));
  longer.set(fields, 12 + headerBytes);
  longer.set(bytes.subarray(12 + headerBytes), 12 + headerBytes + fields.length);
  longer[9] = 9;
  longer[10] = headerBytes + fields.length;
  longer[12] = 0x9b;
  const end = 12 + headerBytes + fields.length;
  new DataView(longer.buffer).setUint32(end, crc32c(longer, 0, end), true);
  return {
    name: "later-minor-version.qtn",
    about: "header fields that version 1.0 does not know",
    bytes: longer,
    tokens,
  };
}

function damaged(name: string, about: string, bytes: Uint8Array, rest: Pick<Vector, "error" | "lostFrames">): Vector {
  return { name, about, bytes, ...rest };
}

/** Every vector of the format. */
export function makeVectors(): readonly Vector[] {
  const long = tokensOf(40, 3, 100, { numCodebooks: 4 });
  const longBytes = writeContainer(long, { framesPerPacket: 16 });
  const view = new DataView(longBytes.buffer);
  const trailer = longBytes.length - view.getUint32(longBytes.length - 8, true);
  const secondPacket = 16 + view.getUint16(10, true) + lengthOfPacket(longBytes, 0);
  const flipped = longBytes.slice();
  flipped[secondPacket + 20] = (flipped[secondPacket + 20] ?? 0) ^ 0x01;
  const segmented = writeContainer(segmentsOf(20_000), { framesPerPacket: 20 });
  const firstPacket = 16 + new DataView(segmented.buffer).getUint16(10, true);
  const secondSegment = firstPacket + lengthOfPacket(segmented, 0);
  const flippedScale = segmented.slice();
  flippedScale[secondSegment + 15] = (flippedScale[secondSegment + 15] ?? 0) ^ 0x01;
  const otherVersion = longBytes.slice();
  otherVersion[8] = 3;
  return [
    whole("empty.qtn", "no audio: one packet without frames", tokensOf(0, 1, 0), {}),
    whole("two-frames.qtn", "packed payload, metadata; the example of docs/format.md", tokensOf(2, 1, 120), {
      metadata: { title: "Grüße" },
    }),
    whole("repeating.qtn", "three packets, adaptive payloads", long, { framesPerPacket: 16 }),
    whole(
      "two-channels.qtn",
      "two channels, a codebook size that is no power of two, a last packet that is full",
      tokensOf(20, 4, 0, {
        numChannels: 2,
        numCodebooks: 2,
        codebookSize: 1000,
        sampleRate: 44100,
        frameRate: 44100 / 512,
      }),
      { framesPerPacket: 10 },
    ),
    whole("largest-codebook.qtn", "tokens of 16 bits", tokensOf(24, 6, 319, { numCodebooks: 1, codebookSize: 65536 }), {
      framesPerPacket: 24,
    }),
    whole(
      "smallest-codebook.qtn",
      "tokens of one bit that never change: payload padded to a byte for 64 tokens",
      tokensOf(1000, 1000, 0, { numCodebooks: 2, codebookSize: 2 }),
      { framesPerPacket: 1000 },
    ),
    laterMinorVersion(tokensOf(6, 2, 0)),
    damaged("damaged-packet.qtn", "one bit of the second packet's payload flipped", flipped, {
      error: { code: "checksum-mismatch", byteOffset: secondPacket },
      lostFrames: [[16, 32]],
    }),
    damaged("cut-off.qtn", "ends within the third packet", longBytes.slice(0, trailer - 10), {
      error: { code: "truncated", byteOffset: trailer - 10 },
      lostFrames: [],
    }),
    damaged("other-version.qtn", "major version 3", otherVersion, {
      error: { code: "unsupported-version", byteOffset: 8 },
    }),
    whole("segments.qtn", "version 2: segments that overlap, with scales", segmentsOf(33_000), {
      framesPerPacket: 40,
      metadata: { title: "segments" },
    }),
    whole(
      "overlap-only-segment.qtn",
      "a last segment that is all overlap, behind a packet whose last segment is cut short, too",
      segmentsOf(4 * 7920 + 1, { numChannels: 2 }),
      { framesPerPacket: 80 },
    ),
    whole("no-segments.qtn", "version 2 without audio", segmentsOf(0), {}),
    damaged("damaged-segment.qtn", "one bit of the scale in the second packet flipped", flippedScale, {
      error: { code: "checksum-mismatch", byteOffset: secondSegment },
      lostFrames: [[20, 40]],
    }),
  ];
}

/** The manifest's text. */
export function makeManifest(vectors: readonly Vector[]): string {
  const entries = vectors.map(({ name, about, bytes, tokens, error, lostFrames }) => ({
    name,
    about,
    byteLength: bytes.length,
    ...(tokens === undefined
      ? {}
      : {
          tokens: { ...tokens, ...scalesOf(tokens), codes: Buffer.from(toLittleEndian(tokens.codes)).toString("hex") },
        }),
    ...(error === undefined ? {} : { error }),
    ...(lostFrames === undefined ? {} : { lostFrames }),
  }));
  const manifest = {
    format: "qtn 1.0 and 2.0",
    generator: "scripts/make-container-vectors.ts",
    codes: "hexadecimal, two bytes a token, little-endian, [F, C, K]",
    vectors: entries,
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** Scales as numbers: eighths and quarters of them, which decimal digits give exactly. */
function scalesOf({ scales }: TokenFrames): { scales?: number[] } {
  return scales === undefined ? {} : { scales: [...scales] };
}

function toLittleEndian(codes: Uint16Array): Uint8Array {
  return Uint8Array.from({ length: 2 * codes.length }, (_, at) => ((codes[at >> 1] ?? 0) >> (8 * (at & 1))) & 0xff);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const vectors = makeVectors();
  mkdirSync(vectorFolder, { recursive: true });
  for (const { name, bytes } of vectors) writeFileSync(join(vectorFolder, name), bytes);
  writeFileSync(join(vectorFolder, "manifest.json"), makeManifest(vectors));
  console.log(`${vectors.length} vectors in ${vectorFolder}`);
}
