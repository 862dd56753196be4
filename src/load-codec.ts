/** From a name, or a config with weights, to a codec that runs. */
import { Codec } from "./codec";
import type { CodecDefinition, CodecSource, LoadOptions } from "./codec-definition";
import { ModelError } from "./errors";
import { assembleDefined, findDefinition } from "./load-definition";
import { loadDefinedVocoder } from "./load-vocoder";
import type { VocoderDefinition } from "./vocoder-definition";

/**
 * Finds the definition, reads what it needs and puts the codec together.
 *
 * @param definitions  all that there are; a config that names no `system` is for the first, the embedded codec
 * @param vocoders  those that the codec may be told to decode with
 * @param source  a name among them, or a config with its weights
 * @throws {ModelError} code `unknown-codec` when no definition has that name
 */
export async function loadDefinedCodec(
  definitions: readonly CodecDefinition[],
  vocoders: readonly VocoderDefinition[],
  source: string | CodecSource,
  options: LoadOptions,
): Promise<Codec> {
  const definition = findDefinition("codec", definitions, source, definitions[0]?.name);
  const stages = await assembleDefined(definition, source, options);
  const { weights, ...others } = options;
  return new Codec(stages, async (name) => {
    return loadDefinedVocoder(vocoders, vocoderName(definition, vocoders, name), others);
  });
}

/** What `loadVocoder` calls the vocoder that a codec has a short name for. */
function vocoderName(
  { name: codec, vocoders: shortNames = {} }: CodecDefinition,
  vocoders: readonly VocoderDefinition[],
  name: string,
): string {
  const fullName = shortNames[name] ?? name;
  if (vocoders.some((vocoder) => vocoder.name === fullName)) return fullName;
  const short = Object.keys(shortNames).join(", ") || "none of its own";
  const full = vocoders.map((vocoder) => vocoder.name).join(", ");
  const message = `no vocoder is called "${name}"; for "${codec}" there are ${short}, and by their full names ${full}`;
  throw new ModelError("unknown-vocoder", message, { model: name });
}
