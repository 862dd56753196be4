/**
 * A codec without networks, for tests of what stands around codecs: the one token of a frame is the number of the frame,
 * the audio of a frame is its token as a level.
 */
import { mixToMono } from "../../src/audio/channels";
import { numSamples, type PcmAudio } from "../../src/audio/pcm-audio";
import type { CommandCodec } from "../../src/cli/environment";
import type { TokenFrames } from "../../src/tokens/token-frames";

const hopLength = 320;
const sampleRate = 16000;

function piece(codes: number[], samples: number): TokenFrames {
  return {
    codec: "fake",
    revision: "1",
    sampleRate,
    frameRate: sampleRate / hopLength,
    numSamples: samples,
    numChannels: 1,
    numCodebooks: 1,
    codebookSize: 1024,
    codes: Uint16Array.from(codes),
  };
}

/** What one fake codec was asked. */
export interface FakeCodecLog {
  options: object[];
  isDisposed: boolean;
}

/** Takes audio of 16 kHz; `gain` scales what comes out, so that it can clip. */
export function fakeCodec(log: FakeCodecLog, gain = 1 / 1024): CommandCodec {
  return {
    identity: {
      name: "fake",
      revision: "1",
      sampleRate,
      hopLength,
      frameRate: 50,
      numCodebooks: 1,
      codebookSize: 1024,
      delaySamples: 0,
    },
    async encode() {
      return piece([], 0);
    },
    async *encodeStream(chunks, options = {}) {
      log.options.push(options);
      let held = 0;
      let frame = 0;
      for await (const chunk of chunks as AsyncIterable<PcmAudio>) {
        options.signal?.throwIfAborted();
        held += mixToMono(chunk.channels).length;
        const codes: number[] = [];
        for (; held >= hopLength; held -= hopLength) codes.push(frame++ % 1024);
        if (codes.length > 0) yield piece(codes, codes.length * hopLength);
        options.onProgress?.({ doneSeconds: (frame * hopLength) / sampleRate, totalSeconds: undefined });
      }
      if (held > 0) yield piece([frame % 1024], held);
    },
    async *decodeStream(pieces, options = {}) {
      log.options.push(options);
      for await (const { codes, numSamples: length } of pieces as AsyncIterable<TokenFrames>) {
        const samples = Float32Array.from({ length }, (_, i) => (codes[Math.floor(i / hopLength)] ?? 0) * gain);
        if (numSamples({ channels: [samples], sampleRate }) > 0) yield { channels: [samples], sampleRate };
      }
    },
    async [Symbol.asyncDispose]() {
      log.isDisposed = true;
    },
  };
}
