/** From a name or a file of weights to a codec that runs. */
import { Codec } from "./codec";
import type { CodecDefinition, CodecSource, RuntimeOptions } from "./codec-definition";
import { ModelError } from "./errors";

/**
 * Finds the definition, reads what it needs and puts the codec together.
 *
 * @param source  a name among `definitions`, or a config with its weights; a config says by `system` (else by `name`)
 *   which definition it is for
 * @throws {ModelError} code `unknown-codec` when no definition has that name
 */
export async function loadDefinedCodec(
  definitions: readonly CodecDefinition[],
  source: string | CodecSource,
  options: RuntimeOptions,
): Promise<Codec> {
  const isNamed = typeof source === "string";
  const definition = findDefinition(definitions, isNamed ? source : systemOf(source.config));
  return new Codec(await definition.assemble(isNamed ? await definition.readSource() : source, options));
}

function findDefinition(definitions: readonly CodecDefinition[], name: string): CodecDefinition {
  const definition = definitions.find((candidate) => candidate.name === name);
  if (definition === undefined) {
    const names = definitions.map((candidate) => candidate.name).join(", ");
    throw new ModelError("unknown-codec", `no codec is called "${name}"; this package has ${names}`, { codec: name });
  }
  return definition;
}

function systemOf(config: unknown): string {
  const { system, name } = Object(config) as { system?: unknown; name?: unknown };
  const found = system ?? name;
  if (typeof found === "string") return found;
  throw new ModelError("bad-config", '"config" expected a "system" that names a codec of this package, got none', {});
}
