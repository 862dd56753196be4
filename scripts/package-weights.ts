/**
 * Puts trained weights into the npm package that they are published as:
 *
 *     npm run package:weights -- hifigan-16k hifigan-16k.safetensors
 *     npm run package:weights -- vits-kathleen FOLDER
 *
 * Copies the file, or the files of a folder in the layout of Hugging Face's VITS, beside the package's package.json, and
 * writes their lengths and SHA-256 there. Weights that do not load, or are too large, leave the package as it was.
 */
import { createHash } from "node:crypto";
import { copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../package.json";
import { loadSpeechModel, loadVocoder, vocoders } from "../src/index";

const root = join(import.meta.dirname, "..");
const maxPackageBytes = 20_000_000;
/** What a folder of weights may hold; other files that lie there, such as checkpoints, are not published. */
const publishedNames = ["model.safetensors", "config.json", "vocab.json", "tokenizer_config.json"];

const [name = "", source = ""] = process.argv.slice(2);
const target = packageJson.workspaces.find((folder) => folder.endsWith(`/${name}`));
if (target === undefined || source === "") {
  throw new Error(
    `expected ${packageJson.workspaces.map((folder) => folder.split("/").pop()).join(" or ")}, and a path`,
  );
}
const files = sourceFiles();
const numBytes = files.reduce((sum, { path }) => sum + statSync(path).size, 0);
if (numBytes > maxPackageBytes) throw new Error(`${source} has ${numBytes} bytes, at most ${maxPackageBytes}`);
await tryWeights();
for (const file of files) copyFileSync(file.path, join(root, target, file.name));
copyFileSync(join(root, "LICENSE"), join(root, target, "LICENSE"));
writeManifest(join(root, target, "package.json"));
console.log(`${target}: ${files.map((file) => file.name).join(", ")}, ${(numBytes / 1e6).toFixed(1)} MB`);

/** What is to be published, with the names that it gets. */
function sourceFiles(): { name: string; path: string }[] {
  if (statSync(source).isFile()) return [{ name: "model.safetensors", path: source }];
  const there = readdirSync(source);
  return publishedNames
    .filter((file) => there.includes(file))
    .map((file) => ({ name: file, path: join(source, file) }));
}

/** Throws what the library throws for weights that are not of this system. */
async function tryWeights(): Promise<void> {
  if (vocoders.some((vocoder) => vocoder.name === name)) {
    await using vocoder = await loadVocoder(name, { weights: source, device: "cpu" });
    await vocoder.vocode(new Float32Array(20 * vocoder.featureDim));
  } else {
    await using model = await loadSpeechModel(name, { weights: source, device: "cpu" });
    await model.synthesize("One, two, three.");
  }
}

function writeManifest(path: string): void {
  const { private: _, ...manifest } = JSON.parse(readFileSync(path, "utf8"));
  const described = files.map((file) => {
    const bytes = readFileSync(file.path);
    return [file.name, { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") }];
  });
  manifest.files = files.map((file) => file.name);
  manifest.quantone = { files: Object.fromEntries(described) };
  writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
}
