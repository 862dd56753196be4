/** The config of Lyra V2: what `config.json` holds, checked. */
import { checkSchema, expectEqual, type Schema } from "../config-schema";

export interface LyraConfig {
  /** The name that `loadCodec` takes. */
  readonly name: string;
  readonly sampleRate: number;
  /** Samples of one frame. */
  readonly hopLength: number;
  readonly frameRate: number;
  readonly latentDim: number;
  /** Names of the published files in their folder. */
  readonly files: { readonly encoder: string; readonly quantizer: string; readonly decoder: string };
  readonly rvq: { readonly numCodebooks: number; readonly codebookSize: number; readonly codebookDim: number };
}

const schema: Schema = {
  name: "text",
  sampleRate: "count",
  hopLength: "count",
  frameRate: "number",
  latentDim: "count",
  files: { encoder: "text", quantizer: "text", decoder: "text" },
  rvq: { numCodebooks: "count", codebookSize: "count", codebookDim: "count" },
};

/**
 * Checks parsed JSON.
 *
 * @throws {ModelError} `bad-config`, naming the field, when one is missing, of the wrong kind, or at odds with the others
 */
export function parseLyraConfig(value: unknown): LyraConfig {
  checkSchema(value, schema);
  const config = value as LyraConfig;
  expectEqual("frameRate", config.frameRate, config.sampleRate / config.hopLength);
  expectEqual("rvq.codebookDim", config.rvq.codebookDim, config.latentDim);
  return config;
}
