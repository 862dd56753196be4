/**
 * A codec without networks whose decoding is exact, so that every sample can be followed through the pipeline: each
 * frame of 4 samples becomes 4 codes of 16 bits, one a sample, and the vocoder hands samples out 5 late.
 */
import type { CodecStages } from "../../src/pipeline";

/** Code k of a frame is sample k of it: a codec with fewer codebooks loses the last samples of each frame. */
export const toyHop = 4;
/** No multiple of the hop, so that trimming by frames instead of samples is caught. */
export const toyDelay = 5;

const scale = 32767;

/** The value that a sample comes back as. */
export function toyRounded(sample: number): number {
  // The codes know no negative zero.
  return Math.fround(Math.round(sample * scale) / scale) + 0;
}

/**
 * Fresh stages.
 *
 * @param frameCounts  collects the number of frames of each encoder call
 * @param milliseconds  how long each encoder call takes, in which timers run; 0 gives way to none
 */
export function toyStages(frameCounts: number[] = [], milliseconds = 0): CodecStages {
  return {
    identity: {
      name: "toy",
      revision: "1",
      sampleRate: 8000,
      hopLength: toyHop,
      frameRate: 2000,
      numCodebooks: toyHop,
      codebookSize: 65536,
      delaySamples: toyHop + toyDelay,
    },
    quantizer: {
      quantize(latents, activeCodebooks) {
        const frames = latents.length / toyHop;
        return Uint16Array.from({ length: frames * activeCodebooks }, (_, at) => {
          const sample = latents[Math.floor(at / activeCodebooks) * toyHop + (at % activeCodebooks)] ?? 0;
          return Math.round(sample * scale) + 32768;
        });
      },
      dequantize(codes, activeCodebooks) {
        const frames = codes.length / activeCodebooks;
        return Float32Array.from({ length: frames * toyHop }, (_, at) => {
          const stage = at % toyHop;
          if (stage >= activeCodebooks) return 0;
          return ((codes[Math.floor(at / toyHop) * activeCodebooks + stage] ?? 0) - 32768) / scale;
        });
      },
    },
    vocoder: {
      features: "samples",
      featureDim: toyHop,
      hopLength: toyHop,
      delaySamples: toyDelay,
      openStream() {
        let waiting: number[] = Array.from({ length: toyDelay }, () => 99);
        const push = async (samples: Iterable<number>): Promise<Float32Array> => {
          waiting.push(...samples);
          const ready = waiting.slice(0, waiting.length - toyDelay);
          waiting = waiting.slice(ready.length);
          return Float32Array.from(ready);
        };
        return { push: ({ features }) => push(features), flush: () => push(new Float32Array(toyDelay)) };
      },
    },
    async encoder() {
      return {
        hopLength: toyHop,
        latentDim: toyHop,
        openStream: () => ({
          async push(samples) {
            frameCounts.push(samples.length / toyHop);
            if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds));
            return samples.slice();
          },
        }),
        dispose: async () => {},
      };
    },
    async decoder() {
      return {
        latentDim: toyHop,
        features: "samples",
        delaySamples: 0,
        openStream: () => ({ push: async (features) => ({ features }), flush: async () => undefined }),
        dispose: async () => {},
      };
    },
    dispose: async () => {},
  };
}
