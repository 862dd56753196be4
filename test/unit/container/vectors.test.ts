/** The committed vectors, the script that makes them, the readers, and docs/format.md all say the same. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeManifest, makeVectors, vectorFolder } from "../../../scripts/make-container-vectors";
import { createHeader, formatOf } from "../../../src/container/header";
import { ContainerWriter, readContainer, recoverContainer, writeContainer } from "../../../src/container/index";
import { numFrames, type TokenFrames } from "../../../src/tokens/token-frames";
import { containerErrorOf } from "../../helpers/container-error";
import { readBySpec } from "../../helpers/spec-reader";
import { makeTokens } from "../../helpers/token-samples";

const vectors = makeVectors();
const formatPage = readFileSync(join(import.meta.dirname, "..", "..", "..", "docs", "format.md"), "utf8");

function committed(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(vectorFolder, name)));
}

describe("the vectors", () => {
  it("are what the script makes, byte for byte", () => {
    expect(readdirSync(vectorFolder).sort()).toEqual([...vectors.map(({ name }) => name), "manifest.json"].sort());
    for (const { name, bytes } of vectors) expect(committed(name), name).toEqual(bytes);
    expect(readFileSync(join(vectorFolder, "manifest.json"), "utf8")).toBe(makeManifest(vectors));
  });

  it.each(vectors.filter(({ tokens }) => tokens !== undefined))(
    "$name reads as its tokens: $about",
    ({ name, tokens }) => {
      expect(readContainer(committed(name))).toEqual(tokens);
    },
  );

  it.each(vectors.filter(({ error }) => error !== undefined))(
    "$name is refused: $about",
    ({ name, error, lostFrames }) => {
      expect(containerErrorOf(() => readContainer(committed(name)))).toMatchObject(error ?? {});
      if (lostFrames === undefined) return;
      const { damage } = recoverContainer(committed(name));
      const lost = damage.filter(({ numFrames: count }) => count > 0);
      expect(lost.map(({ firstFrame, numFrames: count }) => [firstFrame, firstFrame + count])).toEqual(lostFrames);
    },
  );

  it("hold packed and adaptive payloads, more than one packet, and more than one channel", () => {
    const repeating = committed("repeating.qtn");
    expect((repeating[16 + (repeating[10] ?? 0) + 2] ?? 0) & 1).toBe(1);
    const packed = committed("two-frames.qtn");
    expect((packed[16 + (packed[10] ?? 0) + 2] ?? 0) & 1).toBe(0);
  });
});

/** Samples that frames reach to, as docs/format.md has it: of segments all but the last count up to the next. */
function coveredBySpec(tokens: TokenFrames): number {
  const hopLength = tokens.sampleRate / tokens.frameRate;
  const { segmentation } = tokens;
  if (segmentation === undefined || tokens.numSamples === 0) return numFrames(tokens) * hopLength;
  const stride = segmentation.segmentSamples - segmentation.overlapSamples;
  const before = Math.ceil(tokens.numSamples / stride) - 1;
  return before * stride + Math.ceil((tokens.numSamples - before * stride) / hopLength) * hopLength;
}

describe("a reader written from docs/format.md", () => {
  it.each(vectors.filter(({ tokens }) => tokens !== undefined))("agrees on $name", ({ name, tokens }) => {
    if (tokens === undefined) return;
    const read = readBySpec(committed(name));
    expect(read.codes).toEqual([...tokens.codes]);
    expect(read.scales).toEqual([...(tokens.scales ?? [])]);
    expect(Math.round(coveredBySpec(tokens)) - read.paddingSamples).toBe(tokens.numSamples);
    expect(read.fields.slice(0, 3)).toEqual([tokens.codec, tokens.revision, tokens.sampleRate]);
  });

  // Long enough that counts pass 255 and are halved, and that tables are at their largest.
  it.each([
    [3000, 2, 1024],
    [700, 3, 1000],
    [600, 1, 65536],
  ])("agrees on one packet of %i frames, %i codebooks of %i", (frames, numCodebooks, codebookSize) => {
    const tokens = makeTokens(frames, { numCodebooks, codebookSize });
    expect(readBySpec(writeContainer(tokens, { framesPerPacket: frames })).codes).toEqual([...tokens.codes]);
  });
});

describe("docs/format.md", () => {
  it("shows the bytes of two-frames.qtn", () => {
    const dump = /```hexdump\n([\s\S]*?)```/.exec(formatPage)?.[1] ?? "";
    const shown: number[] = [];
    for (const line of dump.split("\n").filter((text) => text.length > 0)) {
      const [, offset = "", bytes = ""] = /^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} )+)/.exec(`${line} `) ?? [];
      expect(Number.parseInt(offset, 16), line).toBe(shown.length);
      shown.push(
        ...bytes
          .trim()
          .split(" ")
          .map((byte) => Number.parseInt(byte, 16)),
      );
    }
    expect(Uint8Array.from(shown)).toEqual(committed("two-frames.qtn"));
  });

  it("names every vector", () => {
    for (const { name } of vectors) expect(formatPage).toContain(`\`${name}\``);
    expect(existsSync(join(vectorFolder, "manifest.json"))).toBe(true);
  });

  const rows = [...formatPage.matchAll(/^\| \d+ \| `(\w+)` \| whole number \| (\d+) \| (\d+) \|/gm)];

  it("lists the six numbers of the header", () => {
    expect(rows.map(([, field]) => field)).toEqual([
      "sampleRate",
      "hopLength",
      "numChannels",
      "numCodebooks",
      "codebookSize",
      "framesPerPacket",
    ]);
  });

  it.each(rows.map(([, field, min, max]) => [field ?? "", Number(min), Number(max)] as const))(
    "gives the bounds of %s",
    (field, min, max) => {
      const accepts = (value: number) => {
        const small = { ...formatOf(new ContainerWriter(makeTokens(0)).header), numCodebooks: 1, codebookSize: 2 };
        const sampleRate = field === "sampleRate" ? value : small.sampleRate;
        const frameRate = sampleRate / (field === "hopLength" ? value : 1);
        try {
          createHeader(
            { ...small, ...(field === "framesPerPacket" ? {} : { [field]: value }), sampleRate, frameRate },
            field === "framesPerPacket" ? value : 1,
            {},
          );
          return true;
        } catch {
          return false;
        }
      };
      expect([min - 1, min, max, max + 1].map(accepts)).toEqual([false, true, true, false]);
    },
  );
});
