/** Files of numpy.save, made by scripts/make_npy_vectors.py: bin m of frame f is m + f / 8. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { npyHeader, readNpy } from "../../../src/checkpoints/npy";
import { isCodecError } from "../../../src/errors";

const folder = join(import.meta.dirname, "../../golden/npy");
const read = async (name: string) => readNpy(await readFile(join(folder, `${name}.npy`)));
const [numBins, numFrames] = [6, 5];
const value = (bin: number, frame: number) => bin + frame / 8;
const binsFirst = Array.from({ length: 30 }, (_, at) => value(Math.floor(at / numFrames), at % numFrames));
const framesFirst = Array.from({ length: 30 }, (_, at) => value(at % numBins, Math.floor(at / numBins)));

describe("readNpy", () => {
  it.each([
    ["bins-frames", [6, 5], false, binsFirst],
    ["frames-bins", [5, 6], false, framesFirst],
    // The numbers of one order lie in a file as those of the other, turned.
    ["bins-frames-fortran", [6, 5], true, framesFirst],
    ["frames-bins-fortran", [5, 6], true, binsFirst],
    ["batch-of-one", [1, 6, 5], false, binsFirst],
    ["version-2", [6, 5], false, binsFirst],
    ["half", [6, 5], false, binsFirst],
    ["double", [6, 5], false, binsFirst],
    ["one-dimension", [5], false, binsFirst.slice(0, 5)],
    ["no-frames", [6, 0], false, []],
  ])("reads %s", async (name, shape, isFortranOrder, values) => {
    const array = await read(name);
    expect({ ...array, data: [...array.data] }).toEqual({ shape, isFortranOrder, data: values });
  });

  it.each(["big-endian", "integers"])("refuses %s", async (name) => {
    await expect(read(name)).rejects.toMatchObject({
      code: "unsupported-dtype",
      message: expect.stringContaining('.astype("float32")'),
    });
  });

  it("ends at every missing byte in a typed error, and at every one too many", async () => {
    const file = new Uint8Array(await readFile(join(folder, "bins-frames.npy")));
    for (let length = 0; length < file.length; length++) {
      expect(() => readNpy(file.subarray(0, length)), String(length)).toThrow(
        expect.objectContaining({ code: length < 7 ? "unsupported-format" : "truncated" }),
      );
    }
    const longer = new Uint8Array([...file, 0]);
    expect(() => readNpy(longer)).toThrow(expect.objectContaining({ code: "corrupt" }));
  });

  it("never fails otherwise, whatever a byte of the header is", async () => {
    const file = new Uint8Array(await readFile(join(folder, "version-2.npy")));
    let numRefused = 0;
    for (let at = 0; at < 128; at++) {
      for (const flip of [0x01, 0x10, 0x80, 0xff]) {
        const damaged = file.slice();
        damaged[at] = (damaged[at] as number) ^ flip;
        try {
          readNpy(damaged);
        } catch (error) {
          numRefused++;
          if (!isCodecError(error)) throw error;
        }
      }
    }
    expect(numRefused).toBeGreaterThan(100);
  });

  it("refuses headers that take long and shapes beyond the file", () => {
    const long = npyHeader([6, 5], false, 60_000);
    expect(() => readNpy(long)).toThrow(expect.objectContaining({ code: "limit-exceeded" }));
    const vast = npyHeader([2 ** 40, 2 ** 40], false);
    expect(() => readNpy(vast)).toThrow(expect.objectContaining({ code: "truncated" }));
  });
});

describe("npyHeader", () => {
  it("says what numpy.save says", async () => {
    for (const [name, shape, isFortranOrder] of [
      ["bins-frames", [6, 5], false],
      ["bins-frames-fortran", [6, 5], true],
    ] as const) {
      const file = new Uint8Array(await readFile(join(folder, `${name}.npy`)));
      const header = npyHeader(shape, isFortranOrder);
      expect([header.length % 64, header.length]).toEqual([0, file.length - 4 * 30]);
      const array = readNpy(new Uint8Array([...header, ...file.subarray(header.length)]));
      expect(array).toEqual(readNpy(file));
    }
  });

  it("takes the place that it is given", () => {
    expect(npyHeader([80, 0], true, 128)).toHaveLength(128);
    expect(npyHeader([80, 12_345_678], true, 128)).toHaveLength(128);
    expect(readNpy(npyHeader([80, 0], true, 128)).shape).toEqual([80, 0]);
  });
});
