/** Files that PyTorch and other writers made: every tensor has the bits that training/make_checkpoint_vectors.py noted. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CheckpointOptions, openCheckpoint } from "../../src/checkpoints/open-checkpoint";

const folder = join(import.meta.dirname, "checkpoints");

interface Expected {
  readonly format: string;
  readonly select?: string[];
  readonly tensors: Readonly<Record<string, { readonly shape: number[]; readonly bits: number[] }>>;
}

const { files } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as {
  files: Readonly<Record<string, Expected>>;
};

function bitsOf(data: Float32Array): number[] {
  return [...new Uint32Array(data.buffer, data.byteOffset, data.length)];
}

function optionsOf({ select }: Expected): CheckpointOptions {
  return select === undefined ? {} : { select };
}

describe.each(Object.entries(files))("%s", (name, expected) => {
  const path = join(folder, name);

  // Zeros, an identity or tensors in another order of elements differ in their bits; so does any rounding.
  it("has the tensors that were written, exactly", async () => {
    using checkpoint = await openCheckpoint(path, optionsOf(expected));
    expect(checkpoint.format).toBe(expected.format);
    expect([...checkpoint.tensors.keys()].sort()).toEqual(Object.keys(expected.tensors).sort());
    for (const [key, { shape, bits }] of Object.entries(expected.tensors)) {
      const tensor = checkpoint.tensors.get(key);
      expect(tensor?.shape, key).toEqual(shape);
      expect(bitsOf(tensor?.data ?? new Float32Array()), key).toEqual(bits);
    }
  });

  it("gives the same from bytes at an odd offset of a buffer, and from a Blob", async () => {
    const bytes = readFileSync(path);
    const larger = new Uint8Array(bytes.length + 3);
    larger.set(bytes, 1);
    for (const file of [larger.subarray(1, 1 + bytes.length), new Blob([bytes])]) {
      const { tensors } = await openCheckpoint(file, optionsOf(expected));
      for (const [key, { bits }] of Object.entries(expected.tensors)) {
        expect(bitsOf(tensors.get(key)?.data ?? new Float32Array()), key).toEqual(bits);
      }
    }
  });
});

describe.each(["zip", "legacy"])("a training checkpoint (%s)", (form) => {
  const path = join(folder, `training-${form}.pt`);

  it("gives its weights without being told where, and the rest as plain data", async () => {
    using checkpoint = await openCheckpoint(path);
    expect(checkpoint.tensors.has("conv.weight")).toBe(true);
    const { metadata } = checkpoint;
    expect(metadata).toMatchObject({
      epoch: 17,
      steps: 2 ** 40 + 1,
      best_loss: 0.125,
      history: [
        { loss: 0.5, valid: null },
        { loss: 0.25, valid: true },
      ],
      args: { className: "argparse.Namespace", state: { strides: [8, 5, 4, 2], name: "größer" } },
      shape: [2, 3],
      settings: { kwargs: { strides: [2, 4], rate: 44100 } },
      opaque: { className: "__main__.Opaque", state: { note: "kept as data" } },
      dtype: "torch.float16",
    });
  });

  it("says what is there when the path is wrong", async () => {
    const opening = openCheckpoint(path, { select: ["best_state", "model"] });
    await expect(opening).rejects.toMatchObject({ code: "no-weights", message: expect.stringContaining("conv.weight") });
    await expect(openCheckpoint(path, { select: ["epoch"] })).rejects.toMatchObject({ code: "no-weights" });
  });

  it("lists the networks when there are several", async () => {
    const opening = openCheckpoint(join(folder, `gan-${form}.pt`));
    const message = expect.stringContaining('["generator"], ["discriminator"]');
    await expect(opening).rejects.toMatchObject({ code: "ambiguous-weights", message });
  });

  it("can leave weight normalization as it is", async () => {
    using checkpoint = await openCheckpoint(join(folder, `weight-norm-${form}.pt`), { foldWeightNorm: false });
    expect(checkpoint.tensors.has("conv.weight_g")).toBe(true);
    expect(checkpoint.tensors.has("conv.weight")).toBe(false);
  });
});
