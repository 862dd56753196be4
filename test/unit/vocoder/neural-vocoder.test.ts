import { describe, expect, it } from "vitest";
import configV1 from "../../../codecs/hifi-gan/config-v1.json";
import { ModelError } from "../../../src/errors";
import type { MelConfig } from "../../../src/features/mel-spectrogram";
import { loadVocoder } from "../../../src/index";
import type { Progress } from "../../../src/runtime/job";
import { assertSameMel, NeuralVocoder, type VocoderEngine } from "../../../src/vocoder/neural-vocoder";

const mel = configV1.mel as MelConfig;

/** Four samples a frame, each the frame's first value; the last frame comes with the flush. */
function engine(changes: Partial<VocoderEngine> = {}): VocoderEngine {
  return {
    name: "steps",
    sampleRate: 8,
    features: "log_mel",
    featureDim: 2,
    hopLength: 4,
    openStream: async () => {
      let held: number[] = [];
      const give = (values: number[]) => Float32Array.from(values.flatMap((value) => [value, value, value, value]));
      return {
        async push(features) {
          const ready = [...held, ...features.filter((_, index) => index % 2 === 0)];
          held = ready.splice(-1);
          return give(ready);
        },
        flush: async () => give(held),
      };
    },
    dispose: async () => undefined,
    ...changes,
  };
}

const features = Float32Array.from({ length: 2 * 30 }, (_, index) => index);
const expected = Float32Array.from({ length: 4 * 30 }, (_, n) => 2 * Math.floor(n / 4));

describe("NeuralVocoder", () => {
  it("vocodes whole signals in slices, and tells how far it is", async () => {
    const heard: Progress[] = [];
    const vocoder = new NeuralVocoder(engine());
    const audio = await vocoder.vocode(features, { onProgress: (progress) => heard.push(progress) });
    expect(audio).toEqual({ channels: [expected], sampleRate: 8 });
    // Ten frames are five seconds.
    expect(heard).toEqual([5, 10, 15].map((doneSeconds) => ({ doneSeconds, totalSeconds: 15 })));
  });

  it("vocodes frames as they come, and leaves out chunks without samples", async () => {
    const chunks: number[][] = [];
    const frames = [features.subarray(0, 2), new Float32Array(0), features.subarray(2)];
    for await (const chunk of new NeuralVocoder(engine()).vocodeStream(frames)) chunks.push([...chunk]);
    expect(chunks.map(({ length }) => length)).toEqual([4 * 29, 4]);
    expect(Float32Array.from(chunks.flat())).toEqual(expected);
  });

  it("tells engines whether the caller waits for the end", async () => {
    const heard: unknown[] = [];
    const listening = engine({
      openStream: async (options) => {
        heard.push(options);
        return engine().openStream({});
      },
    });
    await new NeuralVocoder(listening).vocode(features, { seed: 3 });
    for await (const _ of new NeuralVocoder(listening).vocodeStream([features]));
    expect(heard).toEqual([{ seed: 3, isPatient: true }, {}]);
  });

  it("refuses what is no features, and no seed", async () => {
    const vocoder = new NeuralVocoder(engine());
    await expect(vocoder.vocode([1, 2] as never)).rejects.toThrow(TypeError);
    await expect(vocoder.vocode(new Float32Array(3))).rejects.toThrow(
      /"features" expected whole frames of 2 values, got 3/,
    );
    const bad = Float32Array.of(0, 1, Number.NaN, 3);
    await expect(vocoder.vocode(bad)).rejects.toThrow(/"features" expected finite values, got NaN at 2/);
    // This one draws nothing; a program that exchanges it for one that does must not fail then.
    await expect(vocoder.vocode(features, { seed: 2 ** 32 })).rejects.toThrow(
      /"seed" .* to 4294967295, got 4294967296/,
    );
  });

  it("stops when the signal is raised, even while the frames' source waits", async () => {
    const controller = new AbortController();
    const never = (async function* () {
      yield features;
      controller.abort(new Error("enough"));
      await new Promise(() => undefined);
    })();
    const run = async () => {
      for await (const _ of new NeuralVocoder(engine()).vocodeStream(never, { signal: controller.signal }));
    };
    await expect(run()).rejects.toThrow("enough");
    await expect(new NeuralVocoder(engine()).vocode(features, { signal: controller.signal })).rejects.toThrow("enough");
  });

  it("says which features it takes", () => {
    expect(new NeuralVocoder(engine({ mel })).mel).toBe(mel);
    const other = new NeuralVocoder(engine({ features: "units" }));
    expect(other.features).toBe("units");
    expect(() => other.mel).toThrow(/"steps" takes "units" and no log-mel/);
  });
});

describe("assertSameMel", () => {
  it("names both sides and the field", () => {
    assertSameMel({ name: "codec", mel }, { name: "vocoder", mel: { ...mel } });
    const differing = () => assertSameMel({ name: "codec", mel }, { name: "vocoder", mel: { ...mel, hopLength: 160 } });
    expect(differing).toThrow(ModelError);
    expect(differing).toThrow('"codec" gives log-mel with hopLength 256, "vocoder" takes hopLength 160');
  });
});

describe("loadVocoder", () => {
  it("refuses a name that no vocoder has, and a source without one", async () => {
    await expect(loadVocoder("hifigan")).rejects.toMatchObject({ code: "unknown-vocoder", model: "hifigan" });
    await expect(loadVocoder({ config: {}, weights: new Uint8Array(0) })).rejects.toMatchObject({
      code: "unknown-vocoder",
    });
    const config = configV1;
    await expect(loadVocoder({ config, weights: "a" }, { weights: "b" })).rejects.toThrow(TypeError);
  });

  it("says that weights are needed", async () => {
    await expect(loadVocoder("hifigan-v1")).rejects.toMatchObject({ code: "missing-weights", model: "hifigan-v1" });
  });
});
