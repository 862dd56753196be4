/** From a name to a speech model that runs. */
import { ModelError } from "./errors";
import type { SpeechLoadOptions, SpeechModelDefinition } from "./speech-model-definition";
import { SpeechModel } from "./synthesis/speech-model";

/**
 * Finds the definition and opens it.
 *
 * @param definitions  all that there are
 * @throws {ModelError} code `unknown-speech-model` when no definition has that name
 */
export async function loadDefinedSpeechModel(
  definitions: readonly SpeechModelDefinition[],
  name: string,
  options: SpeechLoadOptions,
): Promise<SpeechModel> {
  const definition = definitions.find((candidate) => candidate.name === name);
  if (definition !== undefined) return new SpeechModel(await definition.open(options));
  const names = definitions.map((candidate) => candidate.name).join(", ");
  const message = `no speech model is called "${name}"; this package has ${names}`;
  throw new ModelError("unknown-speech-model", message, { model: name });
}
