/** The codebooks in Lyra's quantizer, whose file is a network: 46 searches, one behind the other. */
import { elementFormats } from "../../src/checkpoints/element-formats";
import type { TfliteModel } from "../../src/checkpoints/tflite/tflite-model";
import { ModelError } from "../../src/errors";
import type { Codebooks } from "../../src/rvq/codebook";
import type { LyraConfig } from "./config";

/**
 * Takes the codebooks out of the network that encodes: each stage's search subtracts the residual from all its codewords.
 *
 * @throws {ModelError} `weights-shape` when there are not as many as the config says, or of another size
 */
export function readCodebooks({ subgraphs, signatures }: TfliteModel, { rvq }: LyraConfig): Codebooks {
  const { numCodebooks, codebookSize, codebookDim } = rvq;
  const encode = subgraphs[signatures.find(({ key }) => key === "encode")?.subgraph ?? -1];
  const searches = encode?.operators.filter(({ name }) => name === "SQUARED_DIFFERENCE") ?? [];
  if (searches.length !== numCodebooks) throw misfit(`${numCodebooks} stages`, `${searches.length}`);
  const length = codebookSize * codebookDim;
  const codewords = new Float32Array(numCodebooks * length);
  for (const [stage, { inputs }] of searches.entries()) {
    const tensor = encode?.tensors[inputs[1] ?? -1];
    const decode = elementFormats.get(tensor?.dtype ?? "")?.decode;
    const [one, size, dim] = tensor?.shape ?? [];
    if (
      tensor?.stored === undefined ||
      decode === undefined ||
      one !== 1 ||
      size !== codebookSize ||
      dim !== codebookDim
    ) {
      throw misfit(`[1, ${codebookSize}, ${codebookDim}] at stage ${stage}`, `[${tensor?.shape.join(", ")}]`);
    }
    codewords.set(decode(tensor.stored), stage * length);
  }
  return { numCodebooks, codebookSize, codebookDim, codewords };
}

function misfit(expected: string, actual: string): ModelError {
  const message = `the quantizer's codebooks expected ${expected}, got ${actual}; give Lyra V2's quantizer.tflite`;
  return new ModelError("weights-shape", message, { model: "lyra-v2" });
}
