/** The packages of weights: each belongs to a system, and is whole and small, or private as long as it is empty. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import packageJson from "../../package.json";
import type { WeightsManifest } from "../../src/checkpoints/installed-weights";
import { findInstalledWeights } from "../../src/checkpoints/installed-weights";
import { loadSpeechModel, loadVocoder, speechModels, vocoders } from "../../src/index";

const root = join(import.meta.dirname, "..", "..");
const maxBytes = 20_000_000;

interface Manifest extends WeightsManifest {
  readonly name: string;
  readonly private?: boolean;
  readonly license: string;
  readonly files: readonly string[];
}

const packages = packageJson.workspaces.map((folder) => {
  const manifest: Manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  return { folder: join(root, folder), manifest, files: Object.entries(manifest.quantone?.files ?? {}) };
});

describe.each(packages.map((entry) => [entry.manifest.name, entry] as const))(
  "%s",
  (name, { folder, manifest, files }) => {
    const system = [...vocoders, ...speechModels].find(({ weightsPackage }) => weightsPackage === name);

    it("is that of a system, with a licence and a model card", () => {
      expect(name).toBe(`@quantone/${system?.name}`);
      expect(manifest.license).toBe("Apache-2.0");
      expect(readFileSync(join(folder, "README.md"), "utf8")).toContain(`# ${name}\n`);
    });

    it("has the files that its package.json tells of, or is not to be published", () => {
      expect(manifest.files).toEqual(files.map(([file]) => file));
      expect(manifest.private ?? false).toBe(files.length === 0);
      for (const [file, { bytes, sha256 }] of files) {
        const content = readFileSync(join(folder, file));
        expect([content.length, createHash("sha256").update(content).digest("hex")], file).toEqual([bytes, sha256]);
      }
      expect(files.reduce((sum, [, { bytes }]) => sum + bytes, 0)).toBeLessThanOrEqual(maxBytes);
      expect(existsSync(join(folder, "model.safetensors"))).toBe(files.length > 0);
    });

    it("is found by its system's name, or asked for", async () => {
      expect(await findInstalledWeights(name)).toBe(files.length > 0 ? folder : undefined);
      const isVocoder = vocoders.some((vocoder) => vocoder === system);
      const loading = isVocoder ? loadVocoder(system?.name ?? "") : loadSpeechModel(system?.name ?? "");
      if (files.length === 0) await expect(loading).rejects.toThrow(`npm install ${name}, or`);
      else await (await loading).dispose();
    });
  },
);
