/** From a name, or a config with weights, to a vocoder that runs. */
import type { CodecSource, LoadOptions } from "./codec-definition";
import { ModelError } from "./errors";
import { NeuralVocoder } from "./vocoder/neural-vocoder";
import type { VocoderDefinition } from "./vocoder-definition";

/**
 * Finds the definition, reads what it needs and puts the vocoder together.
 *
 * @param definitions  all that there are
 * @param source  a name among them, or a config that names its `system`, with weights
 * @throws {ModelError} `unknown-vocoder` when no definition has that name
 */
export async function loadDefinedVocoder(
  definitions: readonly VocoderDefinition[],
  source: string | CodecSource,
  options: LoadOptions,
): Promise<NeuralVocoder> {
  if (typeof source === "string") {
    const definition = findVocoder(definitions, source);
    return new NeuralVocoder(await definition.assemble(await definition.readSource(options.weights), options));
  }
  if (options.weights !== undefined) {
    throw new TypeError('"weights" expected beside a vocoder\'s name, got them beside a source that has its own');
  }
  const { system } = Object(source.config) as { system?: unknown };
  const definition = findVocoder(definitions, String(system));
  return new NeuralVocoder(await definition.assemble(source, options));
}

function findVocoder(definitions: readonly VocoderDefinition[], name: string): VocoderDefinition {
  const definition = definitions.find((candidate) => candidate.name === name);
  if (definition !== undefined) return definition;
  const names = definitions.map((candidate) => candidate.name).join(", ");
  throw new ModelError("unknown-vocoder", `no vocoder is called "${name}"; this package has ${names}`, { model: name });
}
