/**
 * Sets up the Python that rivals run in: a virtual environment in the user's cache folder, made once for each
 * requirements file, so that no rival ever enters our own dependencies.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "quantone-bench");

/**
 * Gives the path of a Python with the packages of a requirements file and those of `withoutDependencies`.
 *
 * QUANTONE_BENCH_PYTHON names a Python to take as it is. The first call installs, which takes minutes.
 *
 * @throws {Error} with pip's last words when the environment cannot be set up
 */
export function pythonEnvironment(requirementsFile: string, withoutDependencies: readonly string[]): string {
  const given = process.env.QUANTONE_BENCH_PYTHON;
  if (given !== undefined) return given;
  const wanted = readFileSync(requirementsFile, "utf8") + withoutDependencies.join("\n");
  const folder = join(cache, createHash("sha256").update(wanted).digest("hex").slice(0, 12));
  const python = join(folder, "bin", "python");
  const mark = join(folder, "complete");
  if (existsSync(mark)) return python;
  console.error(`setting up Python in ${folder}; this takes a few minutes, once`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  run(process.env.PYTHON ?? "python3", ["-m", "venv", folder]);
  run(python, ["-m", "pip", "install", "--quiet", "--retries", "1", "--requirement", requirementsFile]);
  run(python, ["-m", "pip", "install", "--quiet", "--no-deps", ...withoutDependencies]);
  writeFileSync(mark, wanted);
  return python;
}

function run(command: string, args: readonly string[]): void {
  try {
    execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const lastWords = String((error as { stderr?: string }).stderr ?? error)
      .trim()
      .split("\n")
      .slice(-4)
      .join("\n");
    throw new Error(`${command} ${args.join(" ")} failed:\n${lastWords}`);
  }
}
