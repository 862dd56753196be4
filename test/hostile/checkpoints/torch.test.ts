/** Mutated and made-up files of torch.save: each ends in a CheckpointError or in tensors whose sizes are true. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openCheckpoint } from "../../../src/checkpoints/open-checkpoint";
import { isCodecError } from "../../../src/errors";
import { seededRandom } from "../../helpers/synth-audio";

const golden = join(import.meta.dirname, "..", "..", "golden", "checkpoints");

/** Reads a file to its last number. Gives "read", or the error's code. */
async function outcome(bytes: Uint8Array): Promise<string> {
  try {
    const { tensors, metadata } = await openCheckpoint(bytes);
    expect(typeof metadata).toBe("object");
    for (const { shape, data } of tensors.values()) {
      expect(data.length).toBe(shape.reduce((product, size) => product * size, 1));
    }
    return "read";
  } catch (error) {
    if (!isCodecError(error) || error.name !== "CheckpointError") throw error;
    return error.code;
  }
}

/** Where a zip file's pickle and headers are: in the data of tensors any byte is as good as another. */
function structure(bytes: Uint8Array): number[] {
  const text = Buffer.from(bytes).toString("latin1");
  const offsets = [...bytes.keys()];
  const data = [...text.matchAll(/data\/\d+FB/g)].map(({ index }) => index);
  if (data.length === 0) return offsets;
  const [first = 0, directory = 0] = [data[0], text.indexOf("PK\u0001\u0002")];
  return offsets.filter((offset) => offset < first || offset >= directory);
}

const files = ["training-zip.pt", "training-legacy.pt", "windows-zip.pt", "windows-legacy.pt", "newer-dtypes-zip.pt"];

describe.each(files)("%s", (name) => {
  const good = new Uint8Array(readFileSync(join(golden, name)));

  it("cut off at any byte is refused", async () => {
    expect(await outcome(good)).toBe("read");
    for (let length = 0; length < good.length; length++) {
      expect(await outcome(good.subarray(0, length)), `cut at ${length}`).not.toBe("read");
    }
  });

  it("with bytes changed, 3,000 times, is refused or read within its own size", async () => {
    const random = seededRandom(good.length);
    const places = structure(good);
    const outcomes = new Map<string, number>();
    for (let round = 0; round < 3000; round++) {
      const bytes = good.slice();
      const numChanges = 1 + Math.floor(random() * 3);
      for (let change = 0; change < numChanges; change++) {
        const offset = places[Math.floor(random() * places.length)] ?? 0;
        // One bit as often as a whole byte: lengths and offsets are then near what they were.
        bytes[offset] =
          random() < 0.5 ? (bytes[offset] ?? 0) ^ (1 << Math.floor(random() * 8)) : Math.floor(random() * 256);
      }
      const result = await outcome(bytes);
      outcomes.set(result, (outcomes.get(result) ?? 0) + 1);
    }
    // All of the ways out were met: the mutations reach past the signatures.
    for (const expected of ["corrupt", "read", "truncated"]) expect([...outcomes.keys()]).toContain(expected);
  });
});

const magic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.";

/** A legacy file whose values are what a pickle program makes. */
function legacy(program: string, keys = "]", data = ""): Uint8Array {
  return Uint8Array.from(Buffer.from(`${magic}\x80\x02${program}.\x80\x02${keys}.${data}`, "latin1"));
}

const storage = "(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x02tQ";
const rebuild = "ctorch._utils\n_rebuild_tensor_v2\n";
/** {"w": a tensor of two elements} with an offset, sizes and strides. */
function tensorFile(offset: string, sizes: string, strides: string, numBytes = 8): Uint8Array {
  const program = `}U\x01w${rebuild}(${storage}${offset}${sizes}${strides}\x89}tRs`;
  const count = `${String.fromCharCode(numBytes / 4)}\0\0\0\0\0\0\0`;
  return legacy(program, "]U\x010a", count + "\0".repeat(numBytes));
}

describe("a pickle", () => {
  it("of two numbers, made by hand as below, is read", async () => {
    const { tensors } = await openCheckpoint(tensorFile("K\x00", "K\x02\x85", "K\x01\x85"));
    expect([...(tensors.get("w")?.data ?? [])]).toEqual([0, 0]);
  });

  const calls = [
    "posix\nsystem",
    "builtins\neval",
    "builtins\ngetattr",
    "os\nsystem",
    "torch\nload",
    "torch.hub\nload",
  ];
  it.each(calls)("that calls %j is refused by that name", async (name) => {
    const opening = openCheckpoint(legacy(`c${name}\nU\x04true\x85R`));
    const message = expect.stringContaining(`"${name.replace("\n", ".")}"`);
    await expect(opening).rejects.toMatchObject({ name: "CheckpointError", code: "refused-call", message });
  });

  const cases: [string, string, Uint8Array][] = [
    ["runs the constructor of an instance (opcode INST)", "corrupt", legacy("(ios\nsystem\n")],
    ["runs the constructor of an instance (opcode OBJ)", "corrupt", legacy("(cos\nsystem\no")],
    ["asks for an extension", "corrupt", legacy("\x82\x01")],
    ["calls a dict", "corrupt", legacy("})R")],
    ["calls with no tuple", "corrupt", legacy("cos\nsystem\nNR")],
    ["takes from an empty stack", "corrupt", legacy("0")],
    ["takes from below a mark", "corrupt", legacy("N(a")],
    ["takes down to no mark", "corrupt", legacy("Nt")],
    ["leaves values behind", "corrupt", legacy("NN")],
    ["recalls what it did not store", "corrupt", legacy("h\x01")],
    ["claims a text of 2^62 bytes", "truncated", legacy("\x8d\0\0\0\0\0\0\0\x40")],
    ["claims 4 GiB of bytes", "truncated", legacy("B\xff\xff\xff\xff")],
    ["claims an integer of 2 GiB", "limit-exceeded", legacy("\x8b\xff\xff\xff\x7f")],
    ["has a name without end", "corrupt", legacy(`c${"a".repeat(5000)}`)],
    ["sets a key without a value", "corrupt", legacy("}(Nu")],
    ["appends to a number", "corrupt", legacy("K\x01K\x01a")],
    ["adds to a list as to a set", "corrupt", legacy("](K\x01\x90")],
    ["refers to no storage", "corrupt", legacy("U\x04evilQ")],
    ["makes a tensor of no storage", "corrupt", legacy(`${rebuild}(}K\x00)))tR`)],
    ["makes a dict of a number", "corrupt", legacy("ccollections\nOrderedDict\nK\x05\x85R")],
    ["has a dict that holds itself and no tensor", "no-weights", legacy("}q\x00U\x01ah\x00s")],
    ["has a list that holds itself", "no-weights", legacy("]q\x00h\x00a")],
    ["is a number", "no-weights", legacy("K\x05")],
    ["nests lists 300,000 deep", "no-weights", legacy("]".repeat(300_000) + "a".repeat(299_999))],
    ["nests dicts 100,000 deep", "no-weights", legacy(`${"}U\x01a".repeat(100_000)}N${"s".repeat(100_000)}`)],
    ["has 2 million containers", "limit-exceeded", legacy("]0".repeat(2_000_000))],
    ["has 9 million instructions", "limit-exceeded", legacy("N0".repeat(4_500_000))],
    ["has 2 million values on the stack", "limit-exceeded", legacy("N".repeat(2_000_000))],
    ["stores 3 million values", "limit-exceeded", legacy(`N${"\x94".repeat(3_000_000)}`)],
    ["has 2 million marks", "limit-exceeded", legacy("(".repeat(2_000_000))],
    [
      "makes a dict of the same 10,000 pairs again and again",
      "limit-exceeded",
      legacy(
        `](${Array.from({ length: 10_000 }, (_, index) => `M${String.fromCharCode(index & 255, index >> 8)}N\x86`).join("")}e` +
          `q\x00${"ccollections\nOrderedDict\nh\x00\x85R0".repeat(1000)}`,
      ),
    ],
    [
      "has a storage beyond the file",
      "truncated",
      legacy(`}U\x01w${storage}s`, "]U\x010a", "\xff\xff\xff\xff\0\0\0\0"),
    ],
    [
      "has a tensor whose storage is not there",
      "corrupt",
      legacy(`}U\x01w${rebuild}(${storage}K\x00K\x01\x85K\x01\x85\x89}tRs`),
    ],
    ["has an offset beyond the storage", "truncated", tensorFile("K\x01", "K\x02\x85", "K\x01\x85")],
    ["has sizes beyond the storage", "truncated", tensorFile("K\x00", "K\x03\x85", "K\x01\x85")],
    ["has strides beyond the storage", "truncated", tensorFile("K\x00", "K\x02\x85", "K\x02\x85")],
    ["has a negative stride", "corrupt", tensorFile("K\x01", "K\x02\x85", "J\xff\xff\xff\xff\x85")],
    ["has a negative size", "corrupt", tensorFile("K\x00", "J\xff\xff\xff\xff\x85", "K\x01\x85")],
    ["has a size of no number", "corrupt", tensorFile("K\x00", "N\x85", "K\x01\x85")],
    ["has sizes and strides of different ranks", "corrupt", tensorFile("K\x00", "K\x01K\x02\x86", "K\x01\x85")],
    ["repeats one number 2^31 times", "limit-exceeded", tensorFile("K\x00", "J\xff\xff\xff\x7f\x85", "K\x00\x85")],
    [
      "has a volume beyond 2^53",
      "truncated",
      tensorFile("K\x00", "J\xff\xff\xff\x7fq\x01h\x01h\x01\x87", "K\x01K\x01K\x01\x87"),
    ],
  ];
  it.each(cases)("that %s is a typed error", async (_, code, bytes) => {
    await expect(openCheckpoint(bytes)).rejects.toMatchObject({ name: "CheckpointError", code });
  });

  it("with lists that double 60 times is read: what they share is read once", async () => {
    const key = (index: number): string => String.fromCharCode(index);
    const doubled = Array.from({ length: 60 }, (_, index) => `](h${key(index)}h${key(index)}eq${key(index + 1)}0`);
    const weights = `${rebuild}((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01tQK\x00K\x01\x85K\x01\x85\x89}tR`;
    const program = `]q\x000${doubled.join("")}}U\x01w${weights}sU\x01lh${key(60)}s`;
    const { metadata } = await openCheckpoint(legacy(program, "]U\x010a", `\x01${"\0".repeat(11)}`));
    const [left, right] = metadata.l as unknown[];
    expect(left).toBe(right);
  });
});
