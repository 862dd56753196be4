/** The published models whose tokens `.ecdc` files hold, and how each cuts a signal up. */
import { ContainerError, TokenError } from "../../errors";
import { type Segmentation, segmentCount, segmentStride } from "../../tokens/segmentation";
import { assertTokenFrames, type TokenFormat, type TokenFrames } from "../../tokens/token-frames";
import type { EcdcHeader } from "./header";

/** What a codec must be for its tokens to go into a file, or come out of it. */
export interface EcdcModel {
  readonly codec: string;
  readonly sampleRate: number;
  readonly hopLength: number;
  readonly codebookSize: number;
  readonly numCodebooks: number;
  /** How a signal is cut, with a scale for each segment; one segment without scale where there is none. */
  readonly segmentation?: Segmentation;
}

const ecdcModels: ReadonlyMap<string, EcdcModel> = new Map<string, EcdcModel>([
  [
    "encodec_24khz",
    { codec: "encodec-24khz", sampleRate: 24_000, hopLength: 320, codebookSize: 1024, numCodebooks: 32 },
  ],
  [
    "encodec_48khz",
    {
      codec: "encodec-48khz",
      sampleRate: 48_000,
      hopLength: 320,
      codebookSize: 1024,
      numCodebooks: 16,
      segmentation: { segmentSamples: 48_000, overlapSamples: 480 },
    },
  ],
]);

/**
 * The model of tokens that are to be written, with its published name.
 *
 * @throws {TokenError} as `assertTokenFrames`; `codec-mismatch` when no published model has such tokens, `shape-mismatch`
 *   when they are not those of a whole signal
 */
export function modelOfTokens(tokens: TokenFrames): [string, EcdcModel] {
  assertTokenFrames(tokens);
  const found = [...ecdcModels].find(([, model]) => isOfModel(tokens, model));
  if (found === undefined) {
    const expected = [...ecdcModels.values()].map(({ codec }) => codec).join(", ");
    const message = `an .ecdc file holds tokens of ${expected} as one channel, got ${tokens.numChannels} of ${tokens.codec}; write a .qtn file instead`;
    throw new TokenError("codec-mismatch", message, { expected, actual: tokens.codec });
  }
  const { numSamples, numCodebooks, codes } = tokens;
  const expected = numCodebooks * framesIn(segmentLayout(found[1], numSamples));
  if (codes.length !== expected) {
    const message = `"codes" expected ${expected} for ${numSamples} samples, got ${codes.length}; pass a whole signal`;
    throw new TokenError("shape-mismatch", message, { expected, actual: codes.length });
  }
  return found;
}

function isOfModel(tokens: TokenFrames, model: EcdcModel): boolean {
  const { segmentation } = model;
  return (
    tokens.codec === model.codec &&
    tokens.codebookSize === model.codebookSize &&
    tokens.sampleRate === model.sampleRate &&
    tokens.numChannels === 1 &&
    tokens.segmentation?.segmentSamples === segmentation?.segmentSamples &&
    tokens.segmentation?.overlapSamples === segmentation?.overlapSamples
  );
}

/**
 * The model that a header names.
 *
 * @throws {ContainerError} `unsupported-version` when it is not one of these, or has fewer codebooks
 */
export function modelOfHeader(header: EcdcHeader): EcdcModel {
  const model = ecdcModels.get(header.model);
  if (model === undefined)
    throw unreadable(`a file of the model "${header.model.slice(0, 40)}"`, [...ecdcModels.keys()].join(", "));
  if (header.numCodebooks > model.numCodebooks) {
    throw unreadable(`a file with ${header.numCodebooks} codebooks`, `up to ${model.numCodebooks}`);
  }
  return model;
}

/** What the tokens of a file are. */
export function formatOfHeader(header: EcdcHeader, model: EcdcModel, revision: string): TokenFormat {
  const { codec, sampleRate, hopLength, codebookSize, segmentation } = model;
  return {
    codec,
    revision,
    sampleRate,
    frameRate: sampleRate / hopLength,
    numChannels: 1,
    numCodebooks: header.numCodebooks,
    codebookSize,
    ...(segmentation && { segmentation }),
  };
}

/** A file's segments: whole ones, then those that the signal's end cuts short. */
export interface SegmentLayout {
  readonly numWhole: number;
  /** Frames of a whole segment. */
  readonly wholeFrames: number;
  /** Frames of each other segment; at most two. */
  readonly cutFrames: readonly number[];
}

/** How a signal of `numSamples` is cut; says it of any number without going through the segments. */
export function segmentLayout({ hopLength, segmentation }: EcdcModel, numSamples: number): SegmentLayout {
  if (segmentation === undefined) {
    return { numWhole: 0, wholeFrames: 0, cutFrames: [Math.ceil(numSamples / hopLength)] };
  }
  const { segmentSamples } = segmentation;
  const stride = segmentStride(segmentation);
  const numWhole = Math.max(0, Math.floor((numSamples - segmentSamples) / stride) + 1);
  const numCut = segmentCount(segmentation, numSamples) - numWhole;
  const cutFrames = Array.from({ length: numCut }, (_, index) =>
    Math.ceil((numSamples - (numWhole + index) * stride) / hopLength),
  );
  return { numWhole, wholeFrames: segmentSamples / hopLength, cutFrames };
}

/** The frames of all segments. */
export function framesIn({ numWhole, wholeFrames, cutFrames }: SegmentLayout): number {
  return cutFrames.reduce((sum, frames) => sum + frames, numWhole * wholeFrames);
}

/** The frames of each segment in turn. */
export function* framesOfSegments({ numWhole, wholeFrames, cutFrames }: SegmentLayout): Generator<number, void> {
  for (let index = 0; index < numWhole; index++) yield wholeFrames;
  yield* cutFrames;
}

/** The error for a file that is none of those that are read. */
export function unreadable(what: string, known: string): ContainerError {
  const message = `${what} is not read, only ${known}; decode it with the program that wrote it`;
  return new ContainerError("unsupported-version", message, { byteOffset: 9 });
}
