/**
 * Lyra V2 from its published files, one thread, beside LiteRT with XNNPACK: microseconds of processor time for a frame of
 * 20 ms, stage by stage.
 *
 *     npx tsx bench/pipeline/lyra-v2.bench.ts MODELS [--json] [--rounds 7]
 *
 * LiteRT's networks take one frame a call; ours take any number, so both are measured: a live stream has one, a file 50.
 * The sides take turns, and a ratio is the median of what one round measured.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { lyraV2 } from "../../codecs/lyra-v2/index";
import { speechLike } from "../../test/helpers/synth-audio";
import { pythonEnvironment } from "../compare/python-environment";
import { PythonWorker } from "../compare/python-worker";
import { machine, median, processorSeconds, ratio, takeTurns } from "../harness";

const { values, positionals } = parseArgs({
  options: { json: { type: "boolean" }, rounds: { type: "string", default: "7" } },
  allowPositionals: true,
});
const [models] = positionals;
if (models === undefined) throw new Error("give the folder of Lyra V2's TFLite files");
const root = join(import.meta.dirname, "..", "..");
const [numFrames, hopLength, numStages] = [500, 320, 46];
const samples = speechLike(numFrames * hopLength, 1);
const python = pythonEnvironment(join(root, "scripts", "lyra-v2", "requirements.txt"), []);
const folder = mkdtempSync(join(tmpdir(), "quantone-bench-"));
try {
  writeFileSync(join(folder, "samples.f32"), samples);
  const script = join(root, "bench", "compare", "lyra_litert.py");
  const rival = await PythonWorker.start(python, script, [models, join(folder, "samples.f32")]);
  const report = await measure(rival);
  rival.stop();
  console.log(values.json ? JSON.stringify(report, null, 2) : report);
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(rival: PythonWorker) {
  const stages = await lyraV2.assemble(await lyraV2.readSource(models), { device: "cpu", numThreads: 1 });
  const [encoder, decoder] = [(await stages.encoder()).openStream(), (await stages.decoder()).openStream()];
  const latents = await encoder.push(samples);
  const codes = stages.quantizer.quantize(latents, numStages);
  const quantized = stages.quantizer.dequantize(codes, numStages);
  const jobs = {
    encode: { signal: samples, run: (part: Float32Array) => encoder.push(part) },
    quantize: { signal: latents, run: async (part: Float32Array) => stages.quantizer.quantize(part, numStages) },
    dequantize: { signal: codes, run: async (part: Uint16Array) => stages.quantizer.dequantize(part, numStages) },
    decode: { signal: quantized, run: (part: Float32Array) => decoder.push(part) },
  };
  const rows: Record<string, object> = {};
  for (const [name, { signal, run }] of Object.entries(jobs)) {
    const ours = (blockFrames: number) => async () => {
      const begin = processorSeconds();
      const width = (signal.length / numFrames) * blockFrames;
      for (let at = 0; at < signal.length; at += width) await run(signal.slice(at, at + width) as never);
      return numFrames / (processorSeconds() - begin);
    };
    const theirs = async () => numFrames / Number(await rival.ask(name));
    const rates = await takeTurns({ theirs, oneFrame: ours(1), fiftyFrames: ours(50) }, Number(values.rounds));
    const microseconds = (perSecond: readonly number[]) => Number((1e6 / median(perSecond)).toFixed(1));
    rows[name] = {
      litert: microseconds(rates.theirs),
      oneFrameACall: microseconds(rates.oneFrame),
      fiftyFramesACall: microseconds(rates.fiftyFrames),
      speedOneFrame: Number(ratio(rates.oneFrame, rates.theirs).toFixed(2)),
      speedFiftyFrames: Number(ratio(rates.fiftyFrames, rates.theirs).toFixed(2)),
    };
  }
  await stages.dispose();
  const unit = "microseconds of processor time for a frame of 20 ms";
  return { machine: machine(), rival: rival.greeting, unit, stages: rows };
}
