/** Ids of files on a model hub -> URLs. */

const defaultEndpoint = "https://huggingface.co";
const part = "[A-Za-z0-9][A-Za-z0-9._-]*";
const idPattern = new RegExp(`^hf:(${part}/${part})(?:@(${part}))?(?:/(${part}(?:/${part})*))?$`);
const plainIdPattern = new RegExp(`^${part}/${part}(?:@${part})?$`);
const weightsEnding = /\.(bin|ckpt|onnx|pt|pth|safetensors|tflite|th)$/i;

/** What the weights of a model are called on the hub, the preferred name first. */
export const hubFileNames: readonly string[] = ["model.safetensors", "pytorch_model.bin"];

/** Where the hub is: `HF_ENDPOINT` names a mirror. */
export function hubEndpoint(environment: NodeJS.ProcessEnv = process.env): string {
  return (environment.HF_ENDPOINT ?? defaultEndpoint).replace(/\/+$/, "");
}

/** Whether a text that is no path can be meant as `owner/model`. What ends like a file of weights cannot. */
export function isPlainHubId(text: string): boolean {
  return plainIdPattern.test(text) && !text.includes("..") && !weightsEnding.test(text);
}

/**
 * The URLs that a file on the hub may have: one for a file that is named, else one for each usual name.
 *
 * @param id  `hf:owner/model`, with `@revision` where it is not `main`, and with `/path/of/file`
 * @throws {RangeError} when it is no such id
 * @example
 * hubUrls("hf:facebook/encodec_24khz")[0]; // https://huggingface.co/facebook/encodec_24khz/resolve/main/model.safetensors
 */
export function hubUrls(id: string, endpoint = hubEndpoint()): readonly string[] {
  const match = idPattern.exec(id);
  if (match === null || id.includes("..")) {
    throw new RangeError(`"id" expected "hf:owner/model[@revision][/file]", got ${JSON.stringify(id)}`);
  }
  const [, model, revision = "main", file] = match;
  const files = file === undefined ? hubFileNames : [file];
  return files.map((name) => `${endpoint}/${model}/resolve/${revision}/${name}`);
}
