/** From a name, or a config with weights, to a vocoder that runs. */
import type { CodecSource, LoadOptions } from "./codec-definition";
import { assembleDefined, findDefinition } from "./load-definition";
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
  const definition = findDefinition("vocoder", definitions, source);
  return new NeuralVocoder(await assembleDefined(definition, source, options));
}
