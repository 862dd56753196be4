/** Properties of the container that hold for tokens of any shape. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ContainerOptions,
  readContainer,
  readContainerInfo,
  readContainerStream,
  readFrames,
  recoverContainer,
  writeContainer,
  writeContainerStream,
} from "../../src/container/index";
import { rawBytes } from "../../src/container/limits";
import { concatTokenFrames } from "../../src/tokens/concat-token-frames";
import { splitSegments } from "../../src/tokens/split-segments";
import { numFrames, type TokenFrames } from "../../src/tokens/token-frames";
import { makeSegmentedTokens } from "../helpers/token-samples";

const SEED = 3;
const text = fc.stringMatching(/^[\x21-\x7e]{1,20}$/);

/** Rates of codecs that exist, and others: sample rate and hop length. */
const rates: fc.Arbitrary<readonly number[]> = fc.oneof(
  fc.constantFrom<(readonly number[])[]>([16000, 320], [24000, 320], [44100, 512], [24000, 1920], [48000, 320]),
  fc.tuple(fc.integer({ min: 1, max: 400_000 }), fc.integer({ min: 1, max: 4000 })),
);

/** Codes with and without structure: uniform, from few values, or repeating with a short period. */
function codesOf(length: number, codebookSize: number): fc.Arbitrary<Uint16Array> {
  const array = (max: number) =>
    fc.uint16Array({ minLength: length, maxLength: length, max: Math.min(max, codebookSize - 1) });
  const period = fc.integer({ min: 1, max: 40 });
  return fc.oneof(
    array(65535),
    array(3),
    fc.tuple(array(65535), period).map(([codes, step]) => codes.map((_, at) => codes[at % step] ?? 0)),
  );
}

const tokenFrames: fc.Arbitrary<TokenFrames> = fc
  .record({
    codec: text,
    revision: text,
    rate: rates,
    numChannels: fc.integer({ min: 1, max: 2 }),
    numCodebooks: fc.integer({ min: 1, max: 32 }),
    codebookSize: fc.oneof(fc.constantFrom(2, 16, 1000, 1024, 2048, 65536), fc.integer({ min: 2, max: 65536 })),
    frames: fc.integer({ min: 0, max: 60 }),
    paddingShare: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .chain(({ rate: [sampleRate = 1, hopLength = 1], frames, paddingShare, ...format }) =>
    codesOf(frames * format.numChannels * format.numCodebooks, format.codebookSize).map((codes) => ({
      ...format,
      sampleRate,
      frameRate: sampleRate / hopLength,
      numSamples: frames * hopLength - Math.floor(paddingShare * Math.min(frames, 1) * hopLength),
      codes,
    })),
  );

const options: fc.Arbitrary<ContainerOptions> = fc.record({
  framesPerPacket: fc.integer({ min: 1, max: 70 }),
  entropyCoding: fc.boolean(),
  metadata: fc.dictionary(
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc.string({ unit: "grapheme", maxLength: 50 }),
    {
      maxKeys: 4,
    },
  ),
});

function holds(property: (tokens: TokenFrames, options: ContainerOptions) => void | Promise<void>, numRuns = 300) {
  return fc.assert(
    fc.asyncProperty(tokenFrames, options, async (tokens, chosen) => property(tokens, chosen)),
    {
      numRuns,
      seed: SEED,
    },
  );
}

describe("any tokens", () => {
  it("come back, with their metadata", () =>
    holds((tokens, chosen) => {
      const bytes = writeContainer(tokens, chosen);
      expect(readContainer(bytes)).toEqual(tokens);
      expect(readContainerInfo(bytes).metadata).toEqual(chosen.metadata);
    }));

  it("take at most the packed bits and the documented framing", () =>
    holds((tokens, chosen) => {
      const bytes = writeContainer(tokens, chosen);
      const { numPackets, framesPerPacket } = readContainerInfo(bytes);
      const frames = numFrames(tokens);
      let packed = 0;
      for (let first = 0; first < frames; first += framesPerPacket) {
        packed += rawBytes(tokens, Math.min(framesPerPacket, frames - first));
      }
      const messagePackBytes = (bytes[10] ?? 0) + 256 * (bytes[11] ?? 0);
      // Exact without entropy coding; one byte more in a packet head breaks it at once.
      const most = 46 + messagePackBytes + 19 * numPackets + packed;
      if (chosen.entropyCoding) expect(bytes.length).toBeLessThanOrEqual(most);
      else expect(bytes.length).toBe(most);
    }));

  it("can be read from any frame to any other", () =>
    fc.assert(
      fc.property(tokenFrames, options, fc.nat(), fc.nat(), (tokens, chosen, one, other) => {
        const frames = numFrames(tokens);
        const from = Math.min(one % (frames + 1), other % (frames + 1));
        const to = Math.max(one % (frames + 1), other % (frames + 1));
        const perFrame = tokens.numChannels * tokens.numCodebooks;
        const part = readFrames(writeContainer(tokens, chosen), from, to);
        expect(part.codes).toEqual(tokens.codes.slice(from * perFrame, to * perFrame));
      }),
      { numRuns: 300, seed: SEED },
    ));

  it("come through a stream in chunks of any size", () =>
    fc.assert(
      fc.asyncProperty(tokenFrames, options, fc.integer({ min: 1, max: 300 }), async (tokens, chosen, chunkBytes) => {
        const bytes = writeContainer(tokens, chosen);
        const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) =>
          bytes.slice(index * chunkBytes, (index + 1) * chunkBytes),
        );
        const pieces: TokenFrames[] = [];
        for await (const piece of readContainerStream(chunks)) pieces.push(piece);
        expect(concatTokenFrames(pieces)).toEqual(tokens);
      }),
      { numRuns: 150, seed: SEED },
    ));

  it("are what recovery finds in a whole file", () =>
    holds((tokens, chosen) => {
      expect(recoverContainer(writeContainer(tokens, chosen))).toEqual({ tokens, damage: [] });
    }, 150));
});

describe("any tokens of segments", () => {
  /** Segments of 1 to 12 frames with any overlap up to half, and signals of up to six of them. */
  const segmented = fc
    .record({
      hopLength: fc.integer({ min: 1, max: 12 }),
      places: fc.integer({ min: 1, max: 12 }),
      overlapShare: fc.double({ min: 0, max: 0.5, noNaN: true }),
      numChannels: fc.integer({ min: 1, max: 2 }),
      seed: fc.nat(),
      length: fc.double({ min: 0, max: 6, noNaN: true }),
      segmentsPerPacket: fc.integer({ min: 1, max: 4 }),
    })
    .map(({ hopLength, places, overlapShare, numChannels, seed, length, segmentsPerPacket }) => {
      const segmentSamples = hopLength * places;
      const segmentation = { segmentSamples, overlapSamples: Math.floor(overlapShare * segmentSamples) };
      const format = { segmentation, sampleRate: 1000, frameRate: 1000 / hopLength, numChannels, seed };
      const tokens = makeSegmentedTokens(Math.floor(length * segmentSamples), format);
      return { tokens, places, options: { framesPerPacket: segmentsPerPacket * places } };
    });

  it("come back, at once and as a stream, written at once or segment by segment", () =>
    fc.assert(
      fc.asyncProperty(segmented, fc.integer({ min: 1, max: 300 }), async ({ tokens, options }, chunkBytes) => {
        const bytes = writeContainer(tokens, options);
        expect(readContainer(bytes)).toEqual(tokens);
        expect(recoverContainer(bytes)).toEqual({ tokens, damage: [] });
        expect(readContainerInfo(bytes).numSamples).toBe(tokens.numSamples);
        const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) =>
          bytes.slice(index * chunkBytes, (index + 1) * chunkBytes),
        );
        const pieces: TokenFrames[] = [];
        for await (const piece of readContainerStream(chunks)) pieces.push(piece);
        expect(concatTokenFrames(pieces)).toEqual(tokens);
        if (tokens.numSamples === 0) return;
        const written: Uint8Array[] = [];
        for await (const part of writeContainerStream(splitSegments(tokens), options)) written.push(part);
        expect(Buffer.concat(written).equals(bytes)).toBe(true);
      }),
      { numRuns: 300, seed: SEED },
    ));

  it("can be read from any segment to any other", () =>
    fc.assert(
      fc.property(segmented, fc.nat(), fc.nat(), ({ tokens, places, options }, one, other) => {
        const bytes = writeContainer(tokens, options);
        const segments = splitSegments(tokens);
        const ends = [one, other].map((value) => value % (segments.length + 1));
        const [from, to] = [Math.min(...ends), Math.max(...ends)];
        const end = to === segments.length ? readContainerInfo(bytes).numFrames : to * places;
        const part = readFrames(bytes, Math.min(from * places, end), end);
        const wanted = segments.slice(from, to);
        if (wanted.length === 0) expect(part.codes.length).toBe(0);
        else expect(part).toEqual(concatTokenFrames(wanted));
      }),
      { numRuns: 300, seed: SEED },
    ));
});
