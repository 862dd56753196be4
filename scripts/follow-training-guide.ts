/**
 * Follows training/README.md in miniature: makes a data set, trains, exports, evaluates and draws the curves by the
 * guide's own commands, then loads the result in TypeScript and holds its tokens and samples to PyTorch's.
 *
 *     PYTHON=.venv/bin/python npx tsx scripts/follow-training-guide.ts
 *
 * PYTHON is one that has `./training[test]` installed. Everything is written to a temporary folder, which goes away.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeWavFile } from "../src/audio/index";
import { readSafetensors } from "../src/checkpoints/safetensors";
import { loadCodec, loadVocoder, melSpectrogram, numFrames } from "../src/index";
import { maxDifference } from "../test/helpers/golden";
import { speechLike } from "../test/helpers/synth-audio";

const root = join(import.meta.dirname, "..");
const config = join(root, "test/golden/speech-16k-tiny/config.json");
const settings = join(root, "training/configs/speech-16k.toml");
const sampleRate = 16_000;
const numClips = 6;
const numSteps = 200;
/** What the run changes of the settings: it has a minute, not hours, and too few clips to make some of them worse. */
const miniature = `
autoencoderSteps = 150
kmeansBatches = 4
warmupSteps = 20
learningRate = 1e-2
batchSize = 8
cropSeconds = 0.5
[augmentation]
minGain = 0.15
reverberantFraction = 0.0
noisyFraction = 0.0
clippedFraction = 0.0
offsetFraction = 0.0
`;
/** Lines of the log, of 50 steps each, before the quantizer comes in and the loss begins anew. */
const autoencoderLines = 3;
/** The mel loss falls to .71 of that over the first 50 steps; a run that learns nothing stays within .05 of 1. */
const mostOfFirstLoss = 0.9;

const folder = mkdtempSync(join(tmpdir(), "quantone-guide-"));
try {
  await makeDataSet();
  train();
  await compareWithPyTorch();
  await trainVocoder("hifigan", "hifi-gan");
  await trainVocoder("diffwave", "diffwave");
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** A folder of WAV files, as `--data` takes them. */
async function makeDataSet(): Promise<void> {
  mkdirSync(join(folder, "clips"));
  for (let clip = 0; clip < numClips; clip++) {
    const channels = [speechLike(5 * sampleRate, clip + 1)];
    await writeWavFile(join(folder, "clips", `${clip}.wav`), { channels, sampleRate });
  }
  writeFileSync(join(folder, "miniature.toml"), miniature);
  writeFileSync(join(folder, "small.toml"), "batchSize = 2");
}

function python(module: string, ...args: readonly string[]): void {
  console.log(`python -m quantone_training.${module} ${args.join(" ")}`);
  const command = ["-m", `quantone_training.${module}`, ...args];
  execFileSync(process.env.PYTHON ?? "python3", command, { stdio: ["ignore", "ignore", "inherit"] });
}

function train(): void {
  const run = join(folder, "run");
  const weights = join(folder, "mine.safetensors");
  const overlays = ["--settings", settings, join(folder, "miniature.toml")];
  const shared = ["--config", config];
  const budget = ["--threads", "1", "--steps", String(numSteps)];
  python("train", "--data", join(folder, "clips"), "--run", run, ...shared, ...overlays, ...budget);
  expectFallingLoss(join(run, "log.jsonl"));
  python("export_weights", "--checkpoint", join(run, "checkpoint.pt"), "--out", weights);
  const group = `clips=${join(folder, "clips")}`;
  const stages = ["--stages", "3"];
  python("evaluate", "--weights", weights, ...shared, "--group", group, ...stages, "--out", join(folder, "e.json"));
  python("plot_curves", "--log", join(run, "log.jsonl"), "--out", join(folder, "curves.png"));
  python("make_vectors", "real", ...shared, "--weights", weights, "--out", join(folder, "vectors"));
}

function expectFallingLoss(path: string): void {
  const lines = readFileSync(path, "utf8").trim().split("\n");
  const losses = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === "train");
  const [first, last] = [losses[0]?.mel, losses[autoencoderLines - 1]?.mel];
  console.log(`mel loss: ${first} over the first 50 steps, ${last} over the last 50 before the quantizer`);
  if (!(last < mostOfFirstLoss * first)) throw new Error("the loss did not fall");
}

/** Two steps of a vocoder on the audio that the codec's run decoded: enough to see that the library takes what comes out. */
async function trainVocoder(name: string, folderInCodecs: string): Promise<void> {
  const run = join(folder, name);
  const weights = join(folder, `${name}-16k.safetensors`);
  const overlays = [join(root, `training/configs/${name}-16k.toml`), join(folder, "small.toml")];
  const source = ["--cache", join(folder, "run", "audio.npy"), "--settings", ...overlays];
  const shape = ["--config", join(root, "codecs", folderInCodecs, "config-16k.json")];
  python(`${name}.train`, ...source, ...shape, "--run", run, "--threads", "1", "--steps", "2");
  python(`${name}.export_weights`, "--checkpoint", join(run, "checkpoint.pt"), "--out", weights);
  await using vocoder = await loadVocoder(`${name}-16k`, { weights, device: "cpu" });
  const samples = speechLike(sampleRate, 1);
  const [made = new Float32Array(0)] = (await vocoder.vocode(melSpectrogram(samples, vocoder.mel))).channels;
  const level = Math.sqrt(made.reduce((sum, sample) => sum + sample * sample, 0) / made.length);
  console.log(`${vocoder.name}: ${made.length} samples at a level of ${level}`);
  if (made.length !== samples.length || !(level > 0 && level < 1)) throw new Error(`${name} gives no audio`);
}

/** The codec that was just trained, loaded as anybody would load their own. */
async function compareWithPyTorch(): Promise<void> {
  const vectors = readSafetensors(readFileSync(join(folder, "vectors", "vectors.safetensors"))).tensors;
  const manifest = JSON.parse(readFileSync(join(folder, "vectors", "manifest.json"), "utf8"));
  const vector = (name: string) => vectors.get(name)?.data ?? new Float32Array(0);
  const source = { config: JSON.parse(readFileSync(config, "utf8")), weights: join(folder, "mine.safetensors") };
  await using codec = await loadCodec(source, { device: "cpu" });
  // PyTorch's search follows a single path.
  const tokens = await codec.encode({ channels: [vector("input")], sampleRate }, { beamWidth: 1 });
  const decoded = (await codec.decode(tokens)).channels[0] ?? new Float32Array(0);
  const numDifferent = tokens.codes.filter((code, index) => code !== vector("tokens")[index]).length;
  // PyTorch codes a frame more, and the decoder hears it: frames that look ahead at it, or overlap with it, differ
  // (docs/decisions/0003 and 0005).
  const compared = (numFrames(tokens) - 1 - source.config.decoder.lookaheadFrames) * codec.identity.hopLength;
  const difference = maxDifference(decoded.subarray(0, compared), vector("waveform").subarray(0, compared));
  console.log(`${tokens.codes.length} tokens, ${numDifferent} differ from PyTorch's; samples differ by ${difference}`);
  if (tokens.codes.length === 0 || numDifferent > 0) throw new Error("the tokens are not PyTorch's");
  if (!(difference <= manifest.tolerance.waveform)) throw new Error("the samples are not PyTorch's");
}
