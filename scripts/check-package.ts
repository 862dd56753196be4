/**
 * Checks of what npm would publish: publint, are-the-types-wrong, the tarball's size, and a fresh project that installs
 * the tarball and runs it through `import`, `require` and the command.
 * Prints every problem and exits with 1 if there is one.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { speech16k } from "../codecs/speech-16k/index";
import packageJson from "../package.json";

const root = join(import.meta.dirname, "..");
/** The weights of the embedded codec take up to 20 MB of it. */
const maxTarballBytes = 25_000_000;
const neededFiles = ["dist/index.js", "dist/index.cjs", "dist/index.d.ts", "dist/cli.js", "LICENSE", "README.md"];

/** Packages of weights that are ready to be published. */
const weightsPackages = packageJson.workspaces.filter((workspace) => {
  return JSON.parse(readFileSync(join(root, workspace, "package.json"), "utf8")).private !== true;
});
const importPaths = Object.keys(packageJson.exports).map((path) => path.replace(/^\./, "quantone"));

/** Runs as a module and, with the import rewritten, as CommonJS: a second of noise must come back as long as it was. */
const roundTrip = `
  const noise = Float32Array.from({ length: 16000 }, (_, n) => Math.sin(n * n));
  const tokens = await encode({ channels: [noise], sampleRate: 16000 }, { bitsPerSecond: 3000 });
  const decoded = await decode(readContainer(writeContainer(tokens)));
  if (tokens.codes.length !== 300 || decoded.channels[0].length !== 16000) throw new Error("wrong lengths");
  for (const vocoder of ${JSON.stringify(vocoderNames())}) await decode(tokens, { vocoder });
`;

const folder = mkdtempSync(join(tmpdir(), "quantone-package-"));
const problems: string[] = [];
try {
  const tarball = pack();
  const weights = weightsPackages.map(packWeights);
  check("publint", root, "npx", ["--no-install", "publint", "--strict", tarball]);
  // The resolution of Node 10, which knows no subpaths, is left out: the package asks for Node 20.
  check("are-the-types-wrong", root, "npx", ["--no-install", "attw", "--profile", "node16", tarball]);
  tryInFreshProject([tarball, ...weights]);
} finally {
  rmSync(folder, { recursive: true });
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

function pack(): string {
  const printed = run(root, "npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder]);
  const [packed] = JSON.parse(printed) as { filename: string; size: number; files: { path: string }[] }[];
  if (packed === undefined) throw new Error("npm pack made no tarball");
  console.log(`tarball: ${(packed.size / 1e6).toFixed(1)} MB, ${packed.files.length} files`);
  if (packed.size > maxTarballBytes) problems.push(`the tarball has ${packed.size} bytes, at most ${maxTarballBytes}`);
  const paths = packed.files.map((file) => file.path);
  for (const needed of neededFiles) if (!paths.includes(needed)) problems.push(`the tarball has no ${needed}`);
  const numWeights = paths.filter((path) => path.endsWith("speech-16k.safetensors")).length;
  if (numWeights !== 1) problems.push(`the tarball has the weights ${numWeights} times`);
  return join(folder, packed.filename);
}

/** Packs weights; npm leaves out what package.json does not list, so they must be among its files. */
function packWeights(workspace: string): string {
  const printed = run(join(root, workspace), "npm", ["pack", "--json", "--pack-destination", folder]);
  const [packed] = JSON.parse(printed) as { filename: string; size: number; files: { path: string }[] }[];
  if (packed === undefined) throw new Error(`npm pack made no tarball of ${workspace}`);
  console.log(`${packed.filename}: ${(packed.size / 1e6).toFixed(1)} MB, ${packed.files.length} files`);
  const hasWeights = packed.files.some((file) => file.path === "model.safetensors");
  if (!hasWeights) problems.push(`the tarball of ${workspace} has no model.safetensors`);
  return join(folder, packed.filename);
}

/** Vocoders whose weights are packed, and that decode speech-16k's tokens. */
function vocoderNames(): string[] {
  const names = weightsPackages.map((workspace) => basename(workspace));
  return Object.values(speech16k.vocoders ?? {}).filter((name) => names.includes(name));
}

function tryInFreshProject(tarballs: readonly string[]): void {
  const file = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  file("package.json", '{ "private": true }');
  file(
    "esm.mjs",
    `import { decode, encode } from "quantone";
     import { readContainer, writeContainer } from "quantone/container";
     for (const path of ${JSON.stringify(importPaths)}) if (!path.endsWith(".json")) await import(path);
     ${roundTrip}`,
  );
  file(
    "commonjs.cjs",
    `const { decode, encode } = require("quantone");
     const { readContainer, writeContainer } = require("quantone/container");
     for (const path of ${JSON.stringify(importPaths)}) require(path);
     (async () => { ${roundTrip} })();`,
  );
  check("install", folder, "npm", [
    "install",
    "--no-audit",
    "--no-fund",
    "--onnxruntime-node-install=skip",
    ...tarballs,
  ]);
  check("import", folder, "node", ["esm.mjs"]);
  check("require", folder, "node", ["commonjs.cjs"]);
  check("command", folder, "npx", ["--no-install", "quantone", "doctor", "--json"]);
}

function check(name: string, cwd: string, command: string, args: readonly string[]): void {
  try {
    run(cwd, command, args);
    console.log(`${name}: ok`);
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    problems.push(`${name}: ${stdout}${stderr || String(error)}`);
  }
}

function run(cwd: string, command: string, args: readonly string[]): string {
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
