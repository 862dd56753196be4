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
const isVocoder = vocoders.some((vocoder) => vocoder.name === name);
const files = readFiles();
const numBytes = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
if (numBytes > maxPackageBytes) throw new Error(`${source} has ${numBytes} bytes, at most ${maxPackageBytes}`);
await tryWeights();
const folder = join(root, target);
for (const { name, bytes } of files) writeFileSync(join(folder, name), bytes);
copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
writeManifest(join(folder, "package.json"));
console.log(`${target}: ${files.map((file) => file.name).join(", ")}, ${(numBytes / 1e6).toFixed(1)} MB`);

/** What is to be published, under the names that it gets. */
function readFiles(): { name: string; bytes: Uint8Array }[] {
  if (statSync(source).isFile()) {
    if (!isVocoder) throw new Error(`${name} is more than its weights; give the folder of all its files`);
    return [{ name: "model.safetensors", bytes: readFileSync(source) }];
  }
  const there = readdirSync(source);
  const names = publishedNames.filter((file) => there.includes(file));
  return names.map((file) => ({ name: file, bytes: readFileSync(join(source, file)) }));
}

/** Throws what the library throws for weights that are not of this system. */
async function tryWeights(): Promise<void> {
  if (isVocoder) {
    await using vocoder = await loadVocoder(name, { weights: source, device: "cpu" });
    await vocoder.vocode(new Float32Array(20 * vocoder.featureDim));
  } else {
    await using model = await loadSpeechModel(name, { weights: source, device: "cpu" });
    await model.synthesize("One, two, three.");
  }
}

function writeManifest(path: string): void {
  const { private: _, ...manifest } = JSON.parse(readFileSync(path, "utf8"));
  const described = files.map(({ name, bytes }) => {
    return [name, { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") }];
  });
  manifest.files = files.map((file) => file.name);
  manifest.quantone = { files: Object.fromEntries(described) };
  writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
}
