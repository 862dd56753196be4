/** Weights that are npm packages: found from the folder that the program runs in, and only when whole. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { requireWeights } from "../../../codecs/weights";
import { findInstalledWeights } from "../../../src/checkpoints/installed-weights";

const packageName = "@quantone/of-this-test";
const owner = { name: "of-this-test", weightsPackage: packageName };
const bytes = Uint8Array.of(1, 2, 3);

let project: string;
let folder: string;

beforeEach(() => {
  project = realpathSync(mkdtempSync(join(tmpdir(), "quantone-installed-")));
  folder = join(project, "node_modules", packageName);
  vi.spyOn(process, "cwd").mockReturnValue(project);
});

afterEach(() => {
  rmSync(project, { recursive: true });
  vi.restoreAllMocks();
});

function install(manifest: object = describeFile(bytes)): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: packageName, quantone: manifest }));
  writeFileSync(join(folder, "model.safetensors"), bytes);
}

function describeFile(content: Uint8Array): object {
  const sha256 = createHash("sha256").update(content).digest("hex");
  return { files: { "model.safetensors": { bytes: content.length, sha256 } } };
}

describe("an installed package of weights", () => {
  it("is a folder, where it is whole", async () => {
    expect(await findInstalledWeights(packageName)).toBeUndefined();
    install();
    expect(await findInstalledWeights(packageName)).toBe(folder);
  });

  it("that has no files yet counts as none", async () => {
    install({ files: {} });
    expect(await findInstalledWeights(packageName)).toBeUndefined();
  });

  it("is refused with a file that is not what was published, or is gone", async () => {
    install();
    writeFileSync(join(folder, "model.safetensors"), Uint8Array.of(1, 2, 4));
    await expect(findInstalledWeights(packageName)).rejects.toMatchObject({
      name: "ModelError",
      code: "weights-checksum",
      message: expect.stringMatching(
        /model\.safetensors has the SHA-256 [0-9a-f]{64}, .* install @quantone\/of-this-test again$/,
      ),
    });
    rmSync(join(folder, "model.safetensors"));
    await expect(findInstalledWeights(packageName)).rejects.toThrow(
      /cannot be read; install @quantone\/of-this-test again$/,
    );
  });
});

describe("requireWeights", () => {
  it("prefers what the caller brought, even to a damaged package", async () => {
    install(describeFile(Uint8Array.of(9)));
    expect(await requireWeights(owner, bytes, "a file")).toBe(bytes);
    await expect(requireWeights(owner, undefined, "a file")).rejects.toMatchObject({ code: "weights-checksum" });
  });

  it("finds the package, or names it", async () => {
    await expect(requireWeights(owner, undefined, "a file of them")).rejects.toMatchObject({
      code: "missing-weights",
      model: "of-this-test",
      message:
        '"of-this-test" comes without weights; npm install @quantone/of-this-test, or load it with a file of them as the option "weights"',
    });
    install();
    expect(await requireWeights(owner, undefined, "a file of them")).toBe(folder);
  });

  it("asks for a file where there is no package", async () => {
    await expect(requireWeights({ name: "vits" }, undefined, "a folder")).rejects.toThrow(
      '"vits" comes without weights; load it with a folder as the option "weights"',
    );
  });
});
