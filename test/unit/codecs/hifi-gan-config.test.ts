import { describe, expect, it } from "vitest";
import { parseHifiganConfig } from "../../../codecs/hifi-gan/config";
import configV1 from "../../../codecs/hifi-gan/config-v1.json";
import configV3 from "../../../codecs/hifi-gan/config-v3.json";

/** The fields of the authors' config_v3.json that say anything about the generator. */
const publishedV3 = {
  resblock: "2",
  upsample_rates: [8, 8, 4],
  upsample_kernel_sizes: [16, 16, 8],
  upsample_initial_channel: 256,
  resblock_kernel_sizes: [3, 5, 7],
  resblock_dilation_sizes: [
    [1, 2],
    [2, 6],
    [3, 12],
  ],
  num_mels: 80,
  n_fft: 1024,
  hop_size: 256,
  win_size: 1024,
  sampling_rate: 22050,
  fmin: 0,
  fmax: 8000,
};

describe("parseHifiganConfig", () => {
  it("reads the authors' files as this package's", () => {
    const { system, ...ours } = configV3;
    expect(parseHifiganConfig({ ...publishedV3, system })).toEqual(ours);
    expect(parseHifiganConfig(publishedV3).name).toBe("hifigan");
  });

  const generator = configV1.generator;
  const broken: [string, object, RegExp][] = [
    ["a hop that the rates do not make", { mel: { ...configV1.mel, hopLength: 255 } }, /"mel.hopLength" expected 256/],
    ["an unknown scale", { mel: { ...configV1.mel, melScale: "bark" } }, /"mel.melScale" expected one of slaney, htk/],
    [
      "a kernel that gives other numbers of samples",
      { generator: { ...generator, upsampleKernelSizes: [15, 16, 4, 4] } },
      /"generator.upsampleKernelSizes\[0\]" expected 8 \+ 2 \* n/,
    ],
    [
      "fewer kernels than rates",
      { generator: { ...generator, upsampleKernelSizes: [16, 16, 4] } },
      /"generator.upsampleKernelSizes.length" expected 4/,
    ],
    [
      "a residual kernel without middle",
      { generator: { ...generator, residualKernelSizes: [3, 6, 11] } },
      /"generator.residualKernelSizes\[1\]" expected an odd size/,
    ],
    ["channels that do not halve", { generator: { ...generator, initialChannels: 24 } }, /expected a multiple of 16/],
    [
      "a third kind of block",
      { generator: { ...generator, residualKind: 3 } },
      /"generator.residualKind" expected one of/,
    ],
    [
      "dilations that are none",
      { generator: { ...generator, residualDilations: [[1], [0], [1]] } },
      /residualDilations/,
    ],
  ];
  it.each(broken)("refuses %s", (_, changes, message) => {
    expect(() => parseHifiganConfig({ ...configV1, ...changes })).toThrow(message);
  });

  it("refuses the authors' file with a field missing", () => {
    const { hop_size: _, ...others } = publishedV3;
    expect(() => parseHifiganConfig(others)).toThrow(/"hop_size" expected .*, got nothing/);
  });
});
