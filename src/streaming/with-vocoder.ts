/** A codec's stages with a vocoder that stands alone in the place of its own. */
import { ModelError } from "../errors";
import type { CodecIdentity, CodecStages } from "../pipeline";
import { assertSameMel, type NeuralVocoder } from "../vocoder/neural-vocoder";
import type { Vocoder, VocoderStream } from "../vocoder/vocoder";

/**
 * Puts the vocoder behind the decoder that has features for it.
 *
 * @param signal  stops the vocoder's work
 * @throws {TypeError} when `vocoder` is none, such as one that is still being loaded
 * @throws {ModelError} `features-mismatch` when the codec has no such features, or they are of another kind
 */
export function withVocoder(stages: CodecStages, vocoder: NeuralVocoder, signal: AbortSignal | undefined): CodecStages {
  assertVocoder(vocoder);
  const { identity, featureDecoders = {} } = stages;
  const features = featureDecoders[vocoder.features];
  if (features === undefined) {
    const known = Object.keys(featureDecoders).join(", ") || "none";
    const sides = `"${vocoder.name}" takes "${vocoder.features}", and "${identity.name}" has ${known} for vocoders`;
    throw new ModelError("features-mismatch", `${sides}; choose a vocoder of those features`, { model: vocoder.name });
  }
  if (features.mel !== undefined) {
    assertSameMel({ name: identity.name, mel: features.mel }, { name: vocoder.name, mel: vocoder.mel });
  } else {
    assertSameFrames(identity, vocoder);
  }
  return { ...stages, decoder: features.open, vocoder: stageOf(vocoder, signal) };
}

function assertVocoder(vocoder: unknown): void {
  if (typeof (Object(vocoder) as { openStream?: unknown }).openStream === "function") return;
  const got = Object.prototype.toString.call(vocoder);
  throw new TypeError(`"vocoder" expected a name or a vocoder that is loaded, got ${got}`);
}

/** Features without a description of their own are the same when a frame of them is the same stretch of audio. */
function assertSameFrames(identity: CodecIdentity, vocoder: NeuralVocoder): void {
  for (const field of ["sampleRate", "hopLength"] as const) {
    if (identity[field] === vocoder[field]) continue;
    const sides = `"${identity.name}" has ${field} ${identity[field]}, "${vocoder.name}" takes ${vocoder[field]}`;
    throw new ModelError("features-mismatch", `${sides}; choose a vocoder of that codec`, { model: vocoder.name });
  }
}

function stageOf(vocoder: NeuralVocoder, signal: AbortSignal | undefined): Vocoder {
  const { features, featureDim, hopLength } = vocoder;
  return {
    features,
    featureDim,
    hopLength,
    // Its first sample is the first frame's: what it looks ahead only makes it wait.
    delaySamples: 0,
    openStream(bitsPerSecond): VocoderStream {
      const rate = bitsPerSecond === undefined ? {} : { bitsPerSecond };
      const opening = vocoder.openStream(signal === undefined ? rate : { ...rate, signal });
      // Whoever pushes first hears of a failure; until then it is nobody's.
      opening.catch(() => undefined);
      return {
        push: async ({ features: frames }) => (await opening).push(frames),
        flush: async () => (await opening).flush(),
      };
    },
  };
}
