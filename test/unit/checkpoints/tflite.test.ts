import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { memorySource } from "../../../src/checkpoints/byte-source";
import { openCheckpoint } from "../../../src/checkpoints/open-checkpoint";
import { readTflite, tfliteWeights } from "../../../src/checkpoints/tflite/tflite-model";
import { hasShared, sharedPath } from "../../helpers/shared";

function lyra(name: string): ReturnType<typeof readTflite> {
  return readTflite(memorySource(readFileSync(sharedPath(`models/lyra/${name}.tflite`))));
}

function countOperators({ subgraphs }: ReturnType<typeof readTflite>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { name } of subgraphs.flatMap(({ operators }) => operators)) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

// The numbers below are what LiteRT's own generated schema reads from the same files.
describe.skipIf(!hasShared)("Lyra's networks", () => {
  it("are read with every operator of the encoder", () => {
    const model = lyra("soundstream_encoder");
    expect(countOperators(model)).toEqual({
      ...{ VAR_HANDLE: 28, ASSIGN_VARIABLE: 28, CONV_2D: 23, LEAKY_RELU: 22, READ_VARIABLE: 14, CONCATENATION: 14 },
      ...{ STRIDED_SLICE: 14, DEQUANTIZE: 10, DEPTHWISE_CONV_2D: 9, ADD: 9, QUANTIZE: 6, RESHAPE: 2, CALL_ONCE: 1 },
    });
    const operators = model.subgraphs[0]?.operators ?? [];
    expect(operators.find(({ name }) => name === "LEAKY_RELU")?.options).toEqual({ alpha: Math.fround(0.3) });
    const dilations = operators
      .filter(({ name }) => name === "DEPTHWISE_CONV_2D")
      .map(({ options }) => options.dilationHeight);
    expect([...new Set(dilations)].sort()).toEqual([1, 3, 9]);
    expect(model.signatures).toMatchObject([{ key: "serving_default", subgraph: 0 }]);
    expect([...(model.signatures[0]?.inputs ?? [])]).toEqual([["input_audio", 0]]);
  });

  it("are read with the decoder's transposed convolutions and states", () => {
    const model = lyra("lyragan");
    expect(countOperators(model)).toMatchObject({ TRANSPOSE_CONV: 8, SPLIT: 2, SUB: 8, VAR_HANDLE: 36 });
    const [handle] = (model.subgraphs[0]?.operators ?? []).filter(({ name }) => name === "VAR_HANDLE");
    expect(handle?.options.sharedName).toMatch(/states$/);
  });

  it("are read with both signatures of the quantizer", () => {
    const model = lyra("quantizer");
    expect(model.signatures.map(({ key, subgraph }) => [key, subgraph])).toEqual([
      ["decode", 0],
      ["encode", 1],
    ]);
    expect([...(model.signatures[1]?.inputs.keys() ?? [])].sort()).toEqual(["input_frames", "num_quantizers"]);
    expect(countOperators(model)).toMatchObject({ SQUARED_DIFFERENCE: 46, ARG_MIN: 46, GATHER: 91 });
  });

  it("have int8 weights whose channels have scales of their own", () => {
    const model = lyra("lyragan");
    const weights = tfliteWeights(model);
    const perChannel = model.subgraphs[0]?.tensors.filter((tensor) => {
      return tensor.stored !== undefined && (tensor.quantization?.scales.length ?? 0) > 1 && tensor.dtype === "I8";
    });
    expect(perChannel?.length).toBeGreaterThan(0);
    for (const tensor of perChannel ?? []) {
      const { scales, zeroPoints, axis } = tensor.quantization ?? { scales: [], zeroPoints: [], axis: 0 };
      const data = weights.get(tensor.name)?.data ?? new Float32Array();
      const stored = new Int8Array(tensor.stored ?? []);
      const stride = tensor.shape.slice(axis + 1).reduce((product, size) => product * size, 1);
      const channel = Math.floor((stored.length - 1) / stride) % scales.length;
      const last = Math.fround((scales[channel] ?? 0) * ((stored.at(-1) ?? 0) - (zeroPoints[channel] ?? 0)));
      expect(data.at(-1), tensor.name).toBe(last);
      expect(data.some((value) => value !== 0)).toBe(true);
    }
  });

  it("are told by their content", async () => {
    using checkpoint = await openCheckpoint(sharedPath("models/lyra/soundstream_encoder.tflite"));
    expect(checkpoint.format).toBe("tflite");
    expect(checkpoint.metadata).toEqual({ description: "MLIR Converted." });
  });
});
