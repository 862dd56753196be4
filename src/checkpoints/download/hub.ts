/** Ids of files on a model hub -> URLs. */

const defaultEndpoint = "https://huggingface.co";
const part = "[A-Za-z0-9][A-Za-z0-9._-]*";
const idPattern = new RegExp(`^hf:(${part}/${part})(?:@(${part}))?(?:/(${part}(?:/${part})*))?$`);

/** Where the hub is: `HF_ENDPOINT` names a mirror. */
export function hubEndpoint(environment: NodeJS.ProcessEnv = process.env): string {
  return (environment.HF_ENDPOINT ?? defaultEndpoint).replace(/\/+$/, "");
}

/**
 * The URL of a file on the hub.
 *
 * @param id  `hf:owner/model`, with `@revision` and `/path/of/file` where it is not `main` and `model.safetensors`
 * @throws {RangeError} when it is no such id
 * @example
 * hubUrl("hf:facebook/encodec_24khz"); // https://huggingface.co/facebook/encodec_24khz/resolve/main/model.safetensors
 */
export function hubUrl(id: string, endpoint = hubEndpoint()): string {
  const match = idPattern.exec(id);
  if (match === null || id.includes("..")) {
    throw new RangeError(`"id" expected "hf:owner/model[@revision][/file]", got ${JSON.stringify(id)}`);
  }
  const [, model, revision = "main", file = "model.safetensors"] = match;
  return `${endpoint}/${model}/resolve/${revision}/${file}`;
}
