/**
 * log-mel [B, F, M] -> one row for each sample [B, F * hop, M]: transposed convolutions over time and frequency.
 *
 * Source   Kong et al. 2020 (DiffWave), section 3.3; the code of its first open implementation for the leaky slopes
 */
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import { multiplyDimension, symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../src/graph/graph-builder";
import type { Network } from "../../src/graph/network";
import { leakyRelu } from "../../src/graph/ops/activation";
import { normalize } from "../../src/graph/ops/elementwise";
import { reshape } from "../../src/graph/ops/shape";
import { conditionWidth, type DiffwaveConfig } from "./config";

/** Mel bands that a kernel spans. */
const numBands = 3;
const leakySlope = 0.4;

/**
 * Builds the network: `mel` [B, F, M] -> `condition` [B, F * hop, M].
 *
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildConditioner(config: DiffwaveConfig, weights: StateDict): Network {
  const graph = new GraphBuilder({ name: `${config.name}.conditioner`, form: "offline" });
  const numMels = conditionWidth(config);
  const mel = graph.input("mel", [batch, symbol("F"), numMels]);
  // An image with one channel, time downwards: frames stay rows.
  const normalized = config.melNormalization === undefined ? mel : normalize(mel, config.melNormalization);
  let image = reshape(normalized, [batch, 1, symbol("F"), numMels]);
  for (const [index, stride] of (config.upsampling ?? []).entries()) {
    image = upsampleRows(image, weights, `spectrogram_upsampler.conv${index + 1}`, stride);
  }
  const [, , length = 1] = image.shape;
  return graph.build({ condition: reshape(image, [batch, length, numMels]) });
}

/** [B, 1, F, M] -> [B, 1, F * stride, M]; the kernel spans two strides. */
function upsampleRows(image: Operand, weights: StateDict, path: string, stride: number): Operand {
  const { graph } = image;
  const [batchSize = 1, , rows = 1, width = 1] = image.shape;
  const kernel = requireTensor(weights, `${path}.weight`, [1, 1, numBands, 2 * stride]);
  const bias = requireTensor(weights, `${path}.bias`, [1]);
  return graph.scope(path, () => {
    const weight = graph.constant("weight", [1, 1, 2 * stride, numBands], (into) => {
      for (const [at, value] of kernel.data.entries()) {
        into[(at % (2 * stride)) * numBands + Math.floor(at / (2 * stride))] = value;
      }
    });
    const inputs = [image, weight, graph.constant("bias", [1], bias.data)];
    const [padRows, padBands] = [stride / 2, (numBands - 1) / 2];
    const upsampled = graph.node("ConvTranspose", inputs, [batchSize, 1, multiplyDimension(rows, stride), width], {
      strides: [stride, 1],
      pads: [padRows, padBands, padRows, padBands],
    });
    return leakyRelu(upsampled, leakySlope);
  });
}
