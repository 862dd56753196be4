/** From a name, or a config with weights, to a speech model that runs. */
import type { CodecSource } from "./codec-definition";
import { assembleDefined, findDefinition } from "./load-definition";
import type { SpeechLoadOptions, SpeechModelDefinition } from "./speech-model-definition";
import { SpeechModel } from "./synthesis/speech-model";

/**
 * Finds the definition and puts the model together.
 *
 * @param definitions  all that there are; a config that names no `system` is for the first
 * @param source  a name among them, or a config with its weights
 * @throws {ModelError} code `unknown-speech-model` when no definition has that name
 */
export async function loadDefinedSpeechModel(
  definitions: readonly SpeechModelDefinition[],
  source: string | CodecSource,
  options: SpeechLoadOptions,
): Promise<SpeechModel> {
  const definition = findDefinition("speech model", definitions, source, definitions[0]?.name);
  return new SpeechModel(await assembleDefined(definition, source, options));
}
