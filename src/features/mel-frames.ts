/** Audio of any rate and number of channels, chunk by chunk -> log-mel frames: what copy synthesis begins with. */
import { mixToMono } from "../audio/channels";
import type { PcmAudio } from "../audio/pcm-audio";
import { StreamingResampler } from "../audio/resample";
import { type MelConfig, MelSpectrogramStream } from "./mel-spectrogram";

/**
 * Mixes to one channel, resamples to the config's rate and gives the frames that each chunk completes.
 *
 * Shapes   chunks of one rate and number of channels; results [F, M], perhaps of no frames
 */
export async function* melFrames(
  chunks: AsyncIterable<PcmAudio> | Iterable<PcmAudio>,
  config: MelConfig,
): AsyncGenerator<Float32Array, void> {
  const mel = new MelSpectrogramStream(config);
  let resampler: StreamingResampler | undefined;
  try {
    for await (const { channels, sampleRate } of chunks) {
      const mono = mixToMono(channels);
      if (sampleRate !== config.sampleRate) {
        resampler ??= await StreamingResampler.create(sampleRate, config.sampleRate, 1);
      }
      yield mel.push(resampler?.push([mono])[0] ?? mono);
    }
    const [last] = resampler?.flush() ?? [];
    if (last !== undefined) yield mel.push(last);
    yield mel.flush();
  } finally {
    resampler?.[Symbol.dispose]();
  }
}
