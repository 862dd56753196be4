import { describe, expect, it } from "vitest";
import { buildDecoder } from "../../../codecs/speech-16k/decoder-graph";
import { buildEncoder } from "../../../codecs/speech-16k/encoder-graph";
import { readGolden } from "../../helpers/golden";

const { config, weights } = readGolden("speech-16k-tiny");

describe("the encoder", () => {
  it("has the inputs and outputs that the codec feeds and reads", () => {
    const { inputs, outputs, states } = buildEncoder(config, weights, "offline");
    expect(inputs).toEqual([{ name: "waveform", shape: ["B", `${config.hopLength}*F`] }]);
    expect(outputs).toEqual([{ name: "latents", shape: ["B", "F", config.latentDim] }]);
    expect(states).toEqual([]);
  });

  it("remembers, in the streaming form, what each causal layer needs of the past", () => {
    const { states } = buildEncoder(config, weights, "streaming");
    const { channels, dilations, inputKernelSize } = config.encoder;
    // Two windows, the strided convolution, one dilated convolution a unit, and the output convolution.
    expect(states).toHaveLength(3 + dilations.length + 1);
    const { windowLength, hopLength, numMels } = config.mel;
    expect(states).toContainEqual({
      input: "state.encoder.log_mel",
      output: "state_out.encoder.log_mel",
      shape: [1, windowLength / hopLength - 1, hopLength],
    });
    expect(states).toContainEqual({
      input: "state.encoder.phases",
      output: "state_out.encoder.phases",
      shape: [1, windowLength / hopLength - 1, hopLength],
    });
    expect(states).toContainEqual({
      input: "state.encoder.input",
      output: "state_out.encoder.input",
      shape: [
        1,
        inputKernelSize / config.decoder.upsampleFactor - 1,
        (numMels + 2 * config.phase.numFrequencies) * config.decoder.upsampleFactor,
      ],
    });
    expect(states).toContainEqual({
      input: "state.encoder.units.1/conv",
      output: "state_out.encoder.units.1/conv",
      shape: [1, (config.residualKernelSize - 1) * (dilations[1] ?? 0), channels],
    });
  });
});

describe("the decoder", () => {
  it("has the outputs that are asked for, and no layer that none of them needs", () => {
    const full = buildDecoder(config, weights, "streaming");
    expect(full.outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ["spectrum", ["B", "2*F", config.vocoder.fftLength + 2]],
    ]);
    const mel = buildDecoder(config, weights, "streaming", ["log_mel"]);
    expect(mel.outputs).toEqual([{ name: "log_mel", shape: ["B", "2*F", config.mel.numMels] }]);
    // Layers bear the names of their tensors.
    const holds = ({ bytes }: typeof full, layer: string) => Buffer.from(bytes).includes(layer);
    const heads = ["decoder.direct", "decoder.excitation", "decoder.log_mel"];
    // The mel says the level of what excites the spectrum.
    expect(heads.map((head) => holds(full, head))).toEqual([true, true, true]);
    expect(heads.map((head) => holds(mel, head))).toEqual([false, false, true]);
  });

  it("remembers the hops of noise that a frame's window reaches back to", () => {
    const { states } = buildDecoder(config, weights, "streaming");
    const { fftLength, hopLength } = config.vocoder;
    const shapes = states.filter(({ input }) => input.startsWith("state.decoder.excitation")).map(({ shape }) => shape);
    expect(shapes).toEqual([[1, Math.ceil(fftLength / hopLength) - 1, hopLength]]);
  });
});

describe("weights that do not fit the config", () => {
  it("are named", () => {
    const without = new Map([...weights].filter(([name]) => name !== "encoder.units.1.conv.bias"));
    expect(() => buildEncoder(config, without, "offline")).toThrow(
      expect.objectContaining({ name: "ModelError", code: "missing-weights", tensor: "encoder.units.1.conv.bias" }),
    );
    const wider = { ...config, decoder: { ...config.decoder, frameChannels: config.decoder.frameChannels + 1 } };
    expect(() => buildDecoder(wider, weights, "offline")).toThrow(
      expect.objectContaining({ name: "ModelError", code: "weights-shape", tensor: "decoder.input.weight" }),
    );
  });
});
