/**
 * Checks of what npm would publish: publint, are-the-types-wrong, and the tarball's size.
 * Prints every problem and exits with 1 if there is one.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
/** The weights of the embedded codec take up to 20 MB of it. */
const maxTarballBytes = 25_000_000;

const folder = mkdtempSync(join(tmpdir(), "quantone-package-"));
const problems: string[] = [];
try {
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder])) as {
    filename: string;
    size: number;
    files: { path: string }[];
  }[];
  if (packed === undefined) throw new Error("npm pack made no tarball");
  console.log(`tarball: ${(packed.size / 1e6).toFixed(1)} MB, ${packed.files.length} files`);
  if (packed.size > maxTarballBytes) problems.push(`the tarball has ${packed.size} bytes, at most ${maxTarballBytes}`);
  const paths = packed.files.map((file) => file.path);
  for (const needed of ["dist/index.js", "dist/index.cjs", "dist/index.d.ts", "dist/cli.js", "LICENSE", "README.md"]) {
    if (!paths.includes(needed)) problems.push(`the tarball has no ${needed}`);
  }
  if (!paths.some((path) => path.endsWith("speech-16k.safetensors"))) problems.push("the tarball has no weights");
  check("publint", ["publint", "--strict", join(folder, packed.filename)]);
  check("are-the-types-wrong", ["attw", join(folder, packed.filename)]);
} finally {
  rmSync(folder, { recursive: true });
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

function check(name: string, command: readonly string[]): void {
  try {
    run("npx", ["--no-install", ...command]);
    console.log(`${name}: ok`);
  } catch (error) {
    problems.push(`${name}:\n${(error as { stdout?: string }).stdout ?? String(error)}`);
  }
}

function run(command: string, args: readonly string[]): string {
  return execFileSync(command, args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}
