/**
 * A GPU gives the CPU's numbers.
 *
 * Runs on SwiftShader, a Vulkan driver in software, where that is at hand: in the folder named by QUANTONE_SWIFTSHADER, in
 * .cache/swiftshader (scripts/install-swiftshader.sh puts it there), or in Debian's chromium package. With
 * QUANTONE_TEST_DEVICE=webgpu (or cuda, dml, coreml) it runs on this machine's own device instead. Skipped elsewhere.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const ownDevice = process.env.QUANTONE_TEST_DEVICE;
const swiftShader = [process.env.QUANTONE_SWIFTSHADER, join(root, ".cache/swiftshader"), "/usr/lib/chromium"].find(
  (folder) => folder !== undefined && existsSync(join(folder, "libvk_swiftshader.so")),
);

/** The environment in which Vulkan finds SwiftShader and nothing else. */
function swiftShaderEnvironment(folder: string): NodeJS.ProcessEnv {
  const driver = join(folder, "vk_swiftshader_icd.json");
  return { LD_LIBRARY_PATH: folder, VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver };
}

describe.skipIf(ownDevice === undefined && swiftShader === undefined)(`on ${ownDevice ?? "SwiftShader"}`, () => {
  it("the networks give the CPU's numbers", { timeout: 120_000 }, async () => {
    const extra = ownDevice === undefined && swiftShader !== undefined ? swiftShaderEnvironment(swiftShader) : {};
    const args = ["--import", "tsx", join(import.meta.dirname, "compare-devices.ts"), ownDevice ?? "webgpu"];
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      cwd: root,
      env: { ...process.env, ...extra },
    });
    const differences: Record<string, number> = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}");
    expect(Object.keys(differences).sort()).toEqual(
      ["offline", "streaming"].flatMap((form) => ["latents", "log_mel", "spectrum"].map((name) => `${form} ${name}`)),
    );
    for (const [name, difference] of Object.entries(differences)) {
      // Measured on SwiftShader: 2e-7 to 7e-6, the latents, which have seen a logarithm. The mildest wrong network of
      // test/golden is off by 0.03.
      expect(difference, name).toBeLessThan(1e-4);
    }
    // Sums in another order are never equal throughout: that would be the CPU again.
    expect(Math.max(...Object.values(differences))).toBeGreaterThan(0);
  });
});
