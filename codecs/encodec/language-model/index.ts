/** EnCodec's language model, from its published checkpoints: what makes `.ecdc` files smaller. */
import { createHash } from "node:crypto";
import { openCheckpoint } from "../../../src/checkpoints/open-checkpoint";
import type { StateDict, WeightTensor } from "../../../src/checkpoints/state-dict";
import type { WeightsSource } from "../../../src/checkpoints/weights-source";
import type { AssembleOptions } from "../../../src/codec-definition";
import type { CodePredictor, ModelArithmetic, TokenLanguageModel } from "../../../src/container/ecdc/modelled-file";
import { BackendError, ModelError } from "../../../src/errors";
import { createInt16Products } from "../../../src/kernels/int16-matrices";
import type { Int16Products } from "../../../src/kernels/int16-products";
import { NetworkSession } from "../../../src/runtime/network-session";
import { openRuntime } from "../../../src/runtime/open-runtime";
import { type LanguageModelConfig, languageModelConfigs } from "./config";
import { buildLanguageModel } from "./float-graph";
import { FloatPredictor } from "./float-predictor";
import { IntegerPredictor } from "./integer/integer-predictor";
import { type IntegerWeights, toIntegerWeights } from "./integer/integer-weights";
import { firstCodebooks, type LanguageModelWeights, readLanguageModelWeights } from "./weights";

const REVISION_DIGITS = 16;

export interface LanguageModelOptions extends AssembleOptions {
  /** `encodec_lm_24khz-1608e3c0.th` or `encodec_lm_48khz-7add9fc3.th`, or the same tensors in another kind of file. */
  readonly weights: WeightsSource;
}

/** The codecs that have one. */
export const languageModelCodecs: readonly string[] = [...languageModelConfigs.keys()];

/**
 * Loads the language model of a codec's tokens.
 *
 * Memory   the weights as float32, 62 MB at 24 kHz; for each number of codebooks in use their networks beside them
 * @param codec  `encodec-24khz` or `encodec-48khz`
 * @throws {ModelError} `unknown-codec` when there is none for this codec; when the weights are not of this model
 * @throws {CheckpointError} when the weights cannot be had or read
 * @example
 * await using languageModel = await loadLanguageModel("encodec-24khz", { weights: "encodec_lm_24khz-1608e3c0.th" });
 * const bytes = await writeModelledEcdc(await codec.encode(audio), languageModel);
 */
export async function loadLanguageModel(codec: string, options: LanguageModelOptions): Promise<EncodecLanguageModel> {
  const config = languageModelConfigs.get(codec);
  if (config === undefined) {
    const known = languageModelCodecs.join(" and ");
    throw new ModelError("unknown-codec", `there are language models for ${known}, got "${codec}"`, { model: codec });
  }
  using checkpoint = await openCheckpoint(options.weights, options);
  const weights = readLanguageModelWeights(config, checkpoint.tensors);
  return new EncodecLanguageModel(config, weights, { ...options, revision: revisionOf(checkpoint.tensors) });
}

/** The integer weights for so many codebooks, and the matrices among them ready to be multiplied with. */
interface IntegerModel {
  readonly weights: IntegerWeights;
  readonly products: Int16Products;
}

/** A language model with its weights. It may run several segments at once; `dispose` it when it is no longer needed. */
export class EncodecLanguageModel implements TokenLanguageModel, AsyncDisposable {
  readonly revision: string;
  readonly #config: LanguageModelConfig;
  readonly #weights: LanguageModelWeights;
  readonly #options: AssembleOptions;
  /** By the number of codebooks. */
  readonly #sessions = new Map<number, Promise<NetworkSession>>();
  readonly #integerModels = new Map<number, IntegerModel>();
  #isDisposed = false;

  /** Made by `loadLanguageModel`. */
  constructor(
    config: LanguageModelConfig,
    weights: LanguageModelWeights,
    { revision, ...options }: AssembleOptions & { revision: string },
  ) {
    this.#config = config;
    this.#weights = weights;
    this.#options = options;
    this.revision = revision;
  }

  get codec(): string {
    return this.#config.codec;
  }

  /**
   * Begins a segment.
   *
   * @throws {RangeError} when the model has fewer codebooks
   * @throws {BackendError} `disposed`, or when no runtime can load the network
   */
  async startSegment(numCodebooks: number, arithmetic: ModelArithmetic): Promise<CodePredictor> {
    const { numCodebooks: most } = this.#config;
    if (!Number.isInteger(numCodebooks) || numCodebooks < 1 || numCodebooks > most) {
      throw new RangeError(`"numCodebooks" expected 1 to ${most}, got ${numCodebooks}`);
    }
    if (this.#isDisposed) {
      const message = "the language model was disposed; load it again before using it";
      throw new BackendError("disposed", message, { backend: "language model" });
    }
    if (arithmetic === "integer") {
      const { weights, products } = this.#integerModel(numCodebooks);
      return new IntegerPredictor(this.#config, weights, products);
    }
    const used = firstCodebooks(this.#weights, numCodebooks);
    return new FloatPredictor(this.#config, used, await this.#session(numCodebooks));
  }

  /** Frees the networks' memory. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    this.#integerModels.clear();
    for (const session of sessions) await (await session).dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #integerModel(numCodebooks: number): IntegerModel {
    const known = this.#integerModels.get(numCodebooks);
    if (known !== undefined) return known;
    const weights = toIntegerWeights(firstCodebooks(this.#weights, numCodebooks));
    const products = createInt16Products(weights.matrices, "auto") as Int16Products;
    const model = { weights, products };
    this.#integerModels.set(numCodebooks, model);
    return model;
  }

  #session(numCodebooks: number): Promise<NetworkSession> {
    const known = this.#sessions.get(numCodebooks);
    if (known !== undefined) return known;
    const network = buildLanguageModel(this.#config, firstCodebooks(this.#weights, numCodebooks));
    const opening = openRuntime(this.#options).then((runtime) => NetworkSession.create(runtime, network));
    opening.catch(() => this.#sessions.delete(numCodebooks));
    this.#sessions.set(numCodebooks, opening);
    return opening;
  }
}

/** The weights' name by what is in them, whatever kind of file they came in. */
function revisionOf(tensors: StateDict): string {
  const hash = createHash("sha256");
  for (const name of [...tensors.keys()].sort()) {
    const { buffer, byteOffset, byteLength } = (tensors.get(name) as WeightTensor).data;
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest("hex").slice(0, REVISION_DIGITS);
}
