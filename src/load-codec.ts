/** From a name, or a config with weights, to a codec that runs. */
import { Codec } from "./codec";
import type { CodecDefinition, CodecSource, LoadOptions } from "./codec-definition";
import { ModelError } from "./errors";

/**
 * Finds the definition, reads what it needs and puts the codec together.
 *
 * @param definitions  all that there are, the embedded codec's first
 * @param source  a name among them, or a config with its weights
 * @throws {ModelError} code `unknown-codec` when no definition has that name
 */
export async function loadDefinedCodec(
  definitions: readonly CodecDefinition[],
  source: string | CodecSource,
  options: LoadOptions,
): Promise<Codec> {
  const isNamed = typeof source === "string";
  const definition = findDefinition(definitions, isNamed ? source : systemOf(definitions, source.config));
  if (!isNamed && options.weights !== undefined) {
    throw new TypeError('"weights" expected beside a codec\'s name, got them beside a source that has its own');
  }
  const complete = isNamed ? await definition.readSource(options.weights) : source;
  return new Codec(await definition.assemble(complete, options));
}

function findDefinition(definitions: readonly CodecDefinition[], name: string): CodecDefinition {
  const definition = definitions.find((candidate) => candidate.name === name);
  if (definition === undefined) {
    const names = definitions.map((candidate) => candidate.name).join(", ");
    throw new ModelError("unknown-codec", `no codec is called "${name}"; this package has ${names}`, { model: name });
  }
  return definition;
}

/** The definition that a config of one's own is for: the one it names by `system`, else the embedded codec's. */
function systemOf(definitions: readonly CodecDefinition[], config: unknown): string {
  const { system = definitions[0]?.name } = Object(config) as { system?: unknown };
  return String(system);
}
