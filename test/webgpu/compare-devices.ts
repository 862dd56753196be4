/**
 * Runs the tiny codec's networks on a GPU device and on the CPU, and prints the largest differences as JSON.
 * A process of its own, because Vulkan's loader and driver are found through variables that must be set at its start.
 */
import { buildDecoder } from "../../codecs/speech-16k/decoder-graph";
import { buildEncoder } from "../../codecs/speech-16k/encoder-graph";
import type { Device } from "../../src/runtime/runtime";
import { maxDifference, readGolden } from "../helpers/golden";
import { type RunOptions, runNetwork } from "../helpers/run-network";

const device = process.argv[2] as Device;
const { config, weights, vector, frames } = readGolden("speech-16k-tiny");
const differences: Record<string, number> = {};

const forms: ["offline" | "streaming", RunOptions][] = [
  ["offline", {}],
  ["streaming", { blocks: [1, 9] }],
];
for (const [form, options] of forms) {
  const pairs = [
    [buildEncoder(config, weights, form), vector("padded"), config.hopLength],
    [buildDecoder(config, weights, form, ["spectrum", "log_mel"]), frames("quantized"), config.latentDim],
  ] as const;
  for (const [network, signal, width] of pairs) {
    const onCpu = await runNetwork(network, signal, width, options);
    const onDevice = await runNetwork(network, signal, width, { ...options, device });
    for (const [name, expected] of Object.entries(onCpu)) {
      differences[`${form} ${name}`] = maxDifference(onDevice[name] ?? new Float32Array(), expected);
    }
  }
}
process.stdout.write(`${JSON.stringify(differences)}\n`);
