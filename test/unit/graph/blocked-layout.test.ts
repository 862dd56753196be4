import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { InferenceSession } from "onnxruntime-node";
import { afterAll, describe, expect, it } from "vitest";
import { multiReceptiveField, type ResidualBlock } from "../../../src/graph/blocks/multi-receptive-field";
import { fromPlanes, planarConv, toPlanes } from "../../../src/graph/blocks/planar-conv";
import { planarTransposedConv } from "../../../src/graph/blocks/planar-transposed-conv";
import { symbol } from "../../../src/graph/dimension";
import { batch, GraphBuilder } from "../../../src/graph/graph-builder";
import { ModelProtoSchema } from "../../../src/graph/onnx/onnx.generated";
import { noise } from "../../helpers/synth-audio";

const folder = await mkdtemp(join(tmpdir(), "quantone-blocked-"));
afterAll(() => rm(folder, { recursive: true }));

function weights(shape: readonly number[], numOutputs: number) {
  const weight = {
    shape: [...shape],
    data: noise(
      shape.reduce((product, size) => product * size, 1),
      1,
    ),
  };
  return { weight, bias: { shape: [numOutputs], data: noise(numOutputs, 2) } };
}

/** A stage of HiFi-GAN with so many channels: upsampling, two blocks of two steps, a convolution. */
function stage(channels: number, phases: number): Uint8Array {
  const graph = new GraphBuilder({ name: "stage", form: "offline" });
  const x = graph.input("x", [batch, symbol("F"), 32]);
  const options = { stride: 2, padding: 1, phases };
  const upsampled = graph.scope("up", () =>
    planarTransposedConv(toPlanes(x), weights([32, channels, 4], channels), options),
  );
  const step = (dilation: number) => ({
    dilation,
    conv: weights([channels, channels, 3], channels),
    second: weights([channels, channels, 3], channels),
  });
  const blocks: ResidualBlock[] = [
    [step(1), step(3)],
    [step(1), step(5)],
  ];
  const sum = multiReceptiveField(upsampled, blocks, phases);
  const result = graph.scope("post", () => planarConv(sum, weights([16, channels, 3], 16), { phases }));
  return graph.build({ y: fromPlanes(result, phases) }).bytes;
}

/** How often each op occurs in what ONNX Runtime makes of a model. */
async function opsOf(model: Uint8Array): Promise<Record<string, number>> {
  const file = join(folder, "optimized.onnx");
  const session = await InferenceSession.create(model, { optimizedModelFilePath: file, logSeverityLevel: 4 });
  await session.release();
  const { graph } = fromBinary(ModelProtoSchema, new Uint8Array(await readFile(file)));
  const counts: Record<string, number> = {};
  for (const { opType } of graph?.node ?? []) counts[opType] = (counts[opType] ?? 0) + 1;
  return counts;
}

// Only there does ONNX Runtime have a blocked layout for certain.
describe.runIf(process.arch === "x64")("a stage of HiFi-GAN in ONNX Runtime", () => {
  it.each([
    [16, 1],
    [8, 2],
  ])(
    "of %i channels with %i samples side by side stays in blocks: no activation and one sum by itself",
    async (...sizes) => {
      const ops = await opsOf(stage(...sizes));
      expect(ops.LeakyRelu).toBeUndefined();
      // Of the two blocks; the four sums inside them are parts of convolutions.
      expect(ops.Add).toBe(1);
      expect((ops.ReorderInput ?? 0) + (ops.ReorderOutput ?? 0)).toBeLessThanOrEqual(4);
    },
  );

  it("of channels that fill no whole blocks does not", async () => {
    const ops = await opsOf(stage(8, 1));
    expect(ops.Add).toBe(5);
  });
});
