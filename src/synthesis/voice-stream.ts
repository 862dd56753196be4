/** A recording on its way to another voice: any rate and number of channels goes in, one channel of the model's comes out. */
import { mixToMono } from "../audio/channels";
import { assertPcmAudio, type PcmAudio } from "../audio/pcm-audio";
import { StreamingResampler } from "../audio/resample";
import { AudioFormatError } from "../errors";

/** One recording inside a model. */
export interface VoiceStream {
  /** Takes samples at the model's rate and gives those that are final by now. */
  push(samples: Float32Array): Promise<Float32Array>;
  flush(): Promise<Float32Array>;
}

/** What became of a chunk. */
export interface ConvertedChunk {
  readonly samples: Float32Array;
  /** Of the recording that was taken in. */
  readonly seconds: number;
}

/** Recordings that are in memory go through in slices of so many seconds: progress and cancelling come this often. */
const sliceSeconds = 5;

/**
 * Takes chunks through the stream, at its rate.
 *
 * @param sampleRate  the model's, in Hz
 * @throws {RangeError} when the sample rate changes within the recording
 * @throws {AudioFormatError} code `corrupt-audio` when a sample is not finite
 */
export async function* convertChunks(
  stream: VoiceStream,
  chunks: AsyncIterable<PcmAudio>,
  sampleRate: number,
): AsyncGenerator<ConvertedChunk, void> {
  let resampler: StreamingResampler | undefined;
  let inputRate: number | undefined;
  try {
    for await (const chunk of chunks) {
      assertPcmAudio(chunk);
      inputRate ??= chunk.sampleRate;
      if (chunk.sampleRate !== inputRate) {
        throw new RangeError(`"sampleRate" expected ${inputRate}, as of the chunks before, got ${chunk.sampleRate}`);
      }
      const mono = mixToMono(chunk.channels);
      assertFinite(mono);
      if (inputRate !== sampleRate) resampler ??= await StreamingResampler.create(inputRate, sampleRate, 1);
      const [samples = mono] = resampler?.push([mono]) ?? [];
      yield { samples: await stream.push(samples), seconds: mono.length / inputRate };
    }
    const [rest = new Float32Array()] = resampler?.flush() ?? [];
    yield { samples: await stream.push(rest), seconds: 0 };
    yield { samples: await stream.flush(), seconds: 0 };
  } finally {
    resampler?.[Symbol.dispose]();
  }
}

/** Views of consecutive stretches of a recording. */
export function* sliceRecording({ channels, sampleRate }: PcmAudio): Generator<PcmAudio> {
  const length = Math.ceil(sliceSeconds * sampleRate);
  const total = channels[0]?.length ?? 0;
  for (let begin = 0; begin < total; begin += length) {
    yield { channels: channels.map((channel) => channel.subarray(begin, begin + length)), sampleRate };
  }
}

function assertFinite(samples: Float32Array): void {
  const bad = samples.findIndex((sample) => !Number.isFinite(sample));
  if (bad < 0) return;
  throw new AudioFormatError("corrupt-audio", `sample ${bad} of a chunk is ${samples[bad]}; repair the recording`);
}
