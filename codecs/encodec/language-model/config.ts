/** Sizes of the published language models. */

export interface LanguageModelConfig {
  /** The codec whose tokens the model knows. */
  readonly codec: string;
  readonly numCodebooks: number;
  readonly codebookSize: number;
  readonly numLayers: number;
  /** Width of the transformer. */
  readonly dim: number;
  readonly numHeads: number;
  /** Frames before the current one that a layer sees. */
  readonly contextFrames: number;
}

/** How many times wider the inside of a feed-forward block is. */
export const FEED_FORWARD_FACTOR = 4;
/** What layer normalization adds to a variance. */
export const NORM_EPSILON = 1e-5;
/** The slowest wave of the position embedding takes 2 pi times this many frames. */
export const MAX_PERIOD = 10_000;

const published = { codebookSize: 1024, numLayers: 5, dim: 200, numHeads: 8 };

/** By the name of the codec: `encodec_lm_24khz-1608e3c0.th` and `encodec_lm_48khz-7add9fc3.th`; 3.5 s of context. */
export const languageModelConfigs: ReadonlyMap<string, LanguageModelConfig> = new Map(
  [
    { codec: "encodec-24khz", numCodebooks: 32, contextFrames: 262, ...published },
    { codec: "encodec-48khz", numCodebooks: 16, contextFrames: 525, ...published },
  ].map((config) => [config.codec, config]),
);
