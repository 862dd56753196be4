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
    const numUnits = config.encoder.stages.reduce((total, { dilations }) => total + dilations.length, 0);
    // Bypass, one strided convolution a stage, one dilated convolution a unit, and the output convolution.
    expect(states).toHaveLength(1 + config.encoder.stages.length + numUnits + 1);
    expect(states).toContainEqual({
      input: "state.encoder.bypass",
      output: "state_out.encoder.bypass",
      shape: [1, 1, config.bypass.kernelSize - config.hopLength],
    });
    const [stage] = config.encoder.stages;
    expect(states).toContainEqual({
      input: "state.encoder.stages.0.units.1/conv",
      output: "state_out.encoder.stages.0.units.1/conv",
      shape: [1, (config.residualKernelSize - 1) * (stage?.dilations[1] ?? 0), stage?.channels],
    });
  });
});

describe("the decoder", () => {
  it("has the outputs that are asked for, and no layer that none of them needs", () => {
    const full = buildDecoder(config, weights, "streaming");
    expect(full.outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ["spectrum", ["B", "2*F", config.vocoder.fftLength + 2]],
      ["baseline", ["B", `${config.hopLength}*F`]],
    ]);
    const baseline = buildDecoder(config, weights, "streaming", ["baseline"]);
    expect(baseline.states.map(({ input }) => input)).toEqual(["state.decoder.bypass"]);
    expect(baseline.bytes.length).toBeLessThan(full.bytes.length / 4);
    const mel = buildDecoder(config, weights, "streaming", ["log_mel"]);
    expect(mel.outputs).toEqual([{ name: "log_mel", shape: ["B", "2*F", config.mel.numMels] }]);
  });
});

describe("weights that do not fit the config", () => {
  it("are named", () => {
    const without = new Map([...weights].filter(([name]) => name !== "encoder.stages.1.down.bias"));
    expect(() => buildEncoder(config, without, "offline")).toThrow(
      expect.objectContaining({ name: "ModelError", code: "missing-weights", tensor: "encoder.stages.1.down.bias" }),
    );
    const wider = { ...config, decoder: { ...config.decoder, frameChannels: config.decoder.frameChannels + 1 } };
    expect(() => buildDecoder(wider, weights, "offline")).toThrow(
      expect.objectContaining({ name: "ModelError", code: "weights-shape", tensor: "decoder.input.weight" }),
    );
  });
});
