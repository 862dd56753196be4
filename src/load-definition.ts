/** What `loadCodec`, `loadVocoder` and `loadSpeechModel` have in common: from a name, or a config with weights, to parts. */
import type { WeightsSource } from "./checkpoints/weights-source";
import type { CodecSource } from "./codec-definition";
import { ModelError, type ModelErrorCode } from "./errors";

/** What every kind of definition can do. */
interface Definition<Options, Parts> {
  readonly name: string;
  readSource(weights?: WeightsSource): Promise<CodecSource>;
  assemble(source: CodecSource, options: Options): Promise<Parts>;
}

const unknownCodes = {
  codec: "unknown-codec",
  vocoder: "unknown-vocoder",
  "speech model": "unknown-speech-model",
} as const satisfies Record<string, ModelErrorCode>;

/**
 * Finds the definition of a name, or of the `system` that a config names.
 *
 * @param noun  what errors call it
 * @param defaultSystem  what a config is for that names none
 * @throws {ModelError} `unknown-codec`, `unknown-vocoder` or `unknown-speech-model`
 */
export function findDefinition<D extends { readonly name: string }>(
  noun: keyof typeof unknownCodes,
  definitions: readonly D[],
  source: string | CodecSource,
  defaultSystem?: string,
): D {
  const name = typeof source === "string" ? source : (Object(source.config) as { system?: unknown }).system;
  const found = definitions.find((definition) => definition.name === (name ?? defaultSystem));
  if (found !== undefined) return found;
  const known = definitions.map((definition) => definition.name).join(", ");
  const problem =
    name === undefined
      ? `the config does not say what ${noun} it is for; give it a "system", one of ${known}`
      : `no ${noun} is called "${name}"; this package has ${known}`;
  throw new ModelError(unknownCodes[noun], problem, name === undefined ? {} : { model: String(name) });
}

/**
 * Puts a system together: with its own config when it was named, else with the caller's.
 *
 * @throws {TypeError} for weights beside a source that has its own
 * @throws {ModelError} as the definition does; weights of another model are told with this one's name
 */
export async function assembleDefined<Options extends { readonly weights?: WeightsSource }, Parts>(
  definition: Definition<Omit<Options, "weights">, Parts>,
  source: string | CodecSource,
  options: Options,
): Promise<Parts> {
  const { weights, ...others } = options;
  if (typeof source !== "string" && weights !== undefined) {
    throw new TypeError('"weights" expected beside a name, got them beside a source that has its own');
  }
  const complete = typeof source === "string" ? await definition.readSource(weights) : source;
  try {
    return await definition.assemble(complete, others);
  } catch (error) {
    throw nameModel(error, definition.name);
  }
}

/** An error about one tensor does not know whose it should have been. */
function nameModel(error: unknown, model: string): unknown {
  if (!(error instanceof ModelError) || error.tensor === undefined || error.model !== undefined) return error;
  const { code, tensor, message } = error;
  return new ModelError(code, `these are no weights of "${model}": ${message}`, { model, tensor, cause: error });
}
