import { copyFileSync, mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openCheckpoint } from "../../../src/checkpoints/open-checkpoint";

const golden = join(import.meta.dirname, "..", "..", "golden", "checkpoints");
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quantone-checkpoints-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("a file of no known kind", () => {
  it.each([
    ["nothing", ""],
    ["a web page", "<!DOCTYPE html><html></html>"],
    ["a pointer of git-lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"],
    ["a pickle of something else", "\x80\x02K\x01."],
    ["an archive in gzip", "\x1f\x8b\x08\x00"],
  ])("such as %s is a typed error", async (_, text) => {
    const opening = openCheckpoint(Uint8Array.from(Buffer.from(text, "latin1")));
    await expect(opening).rejects.toMatchObject({ name: "CheckpointError", code: "unsupported-format" });
  });

  it("is a mistake of the caller when it is no file at all", async () => {
    await expect(openCheckpoint(7 as never)).rejects.toThrow(
      '"weights" expected a path, a URL, a hub id, a Uint8Array or a Blob, got number',
    );
  });
});

describe("a file on disk", () => {
  it("that is not there, or is a folder, is a typed error", async () => {
    for (const path of [join(folder, "nothing.pt"), folder]) {
      await expect(openCheckpoint(path)).rejects.toMatchObject({ name: "CheckpointError", code: "not-found" });
    }
  });

  it("gives no tensors after it was closed, and can be closed twice", async () => {
    const checkpoint = await openCheckpoint(join(golden, "dtypes-zip.pt"));
    const tensor = checkpoint.tensors.get("f32");
    expect(tensor?.data.length).toBe(6);
    checkpoint.close();
    checkpoint.close();
    expect(() => tensor?.data).toThrow(expect.objectContaining({ name: "CheckpointError", code: "closed" }));
  });

  it("that becomes shorter while it is open is a typed error", async () => {
    const path = join(folder, "shrinking.pt");
    copyFileSync(join(golden, "dtypes-zip.pt"), path);
    using checkpoint = await openCheckpoint(path);
    truncateSync(path, 10);
    expect(() => checkpoint.tensors.get("f32")?.data).toThrow(expect.objectContaining({ code: "truncated" }));
  });
});
