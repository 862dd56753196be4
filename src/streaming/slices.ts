/** Cutting a signal that is in memory into pieces for the streaming path. */
import { numSamples, type PcmAudio } from "../audio/pcm-audio";
import { splitSegments } from "../tokens/split-segments";
import type { TokenFrames } from "../tokens/token-frames";

/** One-shot calls work slice by slice: memory stays flat, and progress and cancellation come this often. */
const SLICE_SECONDS = 10;

/** Views of consecutive stretches of `audio`; one empty stretch when there are no samples. */
export function* sliceAudio(audio: PcmAudio): Generator<PcmAudio> {
  const length = Math.ceil(SLICE_SECONDS * audio.sampleRate);
  for (let begin = 0; begin === 0 || begin < numSamples(audio); begin += length) {
    const channels = audio.channels.map((channel) => channel.subarray(begin, begin + length));
    yield { channels, sampleRate: audio.sampleRate };
  }
}

/** Views of consecutive frames of `tokens`, or of their segments; one empty piece when there are none. */
export function* sliceTokens(tokens: TokenFrames, hopLength: number): Generator<TokenFrames> {
  if (tokens.segmentation !== undefined && tokens.codes.length > 0) {
    yield* splitSegments(tokens);
    return;
  }
  const frames = Math.ceil(SLICE_SECONDS * tokens.frameRate);
  const perFrame = tokens.numChannels * tokens.numCodebooks;
  for (let begin = 0; begin === 0 || begin * perFrame < tokens.codes.length; begin += frames) {
    const codes = tokens.codes.subarray(begin * perFrame, (begin + frames) * perFrame);
    const isLast = (begin + frames) * perFrame >= tokens.codes.length;
    const lostFrames = tokens.lostFrames?.subarray(begin, begin + frames);
    const numSamples = isLast ? tokens.numSamples - begin * hopLength : frames * hopLength;
    yield { ...tokens, codes, numSamples, ...(lostFrames && { lostFrames }) };
  }
}
