/**
 * Speed of `.ecdc` files with the language model at 24 kHz and 6 kbps: seconds of audio that are written or read in a second
 * of processor time, in integers, in floats, and by PyPI encodec.
 *
 *     npx tsx bench/pipeline/ecdc.bench.ts --lm FILE [--python PYTHON] [--rounds 5]
 *
 * FILE is the published checkpoint, or one of its layout with random weights (`scripts/encodec/ecdc_parity.py make`): the
 * time does not depend on the weights. PYTHON has what scripts/encodec/requirements.txt lists.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadLanguageModel } from "../../codecs/encodec/language-model/index";
import { type ModelArithmetic, readModelledEcdc, writeModelledEcdc } from "../../src/container/ecdc/index";
import type { TokenFrames } from "../../src/tokens/token-frames";
import { type Contender, machine, median, processorSeconds, ratio, takeTurns } from "../harness";

const { values } = parseArgs({
  options: { lm: { type: "string" }, python: { type: "string" }, rounds: { type: "string", default: "5" } },
});
const { lm, python } = values;
if (lm === undefined) throw new Error("usage: ecdc.bench.ts --lm FILE [--python PYTHON] [--rounds 5]");

const audioSeconds = 2;
const numCodebooks = 8;
const tokens: TokenFrames = {
  codec: "encodec-24khz",
  revision: "random",
  sampleRate: 24_000,
  frameRate: 75,
  numSamples: audioSeconds * 24_000,
  numChannels: 1,
  numCodebooks,
  codebookSize: 1024,
  codes: Uint16Array.from({ length: audioSeconds * 75 * numCodebooks }, (_, index) => (index * 7919) % 1024),
};
await using model = await loadLanguageModel("encodec-24khz", { weights: lm, device: "cpu" });

async function perSecond(job: () => Promise<unknown>): Promise<number> {
  const before = processorSeconds();
  await job();
  return audioSeconds / (processorSeconds() - before);
}

const contenders: Record<string, Contender> = {};
for (const arithmetic of ["integer", "float"] as const satisfies readonly ModelArithmetic[]) {
  const file = await writeModelledEcdc(tokens, model, { arithmetic });
  contenders[`${arithmetic}, write`] = () => perSecond(() => writeModelledEcdc(tokens, model, { arithmetic }));
  contenders[`${arithmetic}, read`] = () => perSecond(() => readModelledEcdc(file, "random", model));
}
if (python !== undefined) {
  const script = join(import.meta.dirname, "../../scripts/encodec/ecdc_parity.py");
  contenders["encodec, write"] = () => Number(execFileSync(python, [script, "time", lm], { encoding: "utf8" }));
}

const measured = await takeTurns(contenders, Number(values.rounds));
console.log(machine());
const upstream = measured["encodec, write"];
for (const [name, rates] of Object.entries(measured)) {
  const beside = upstream === undefined ? "" : `, ${ratio(rates, upstream).toFixed(2)} of encodec's`;
  console.log(`${name}: ${median(rates).toFixed(1)} x real time${beside}`);
}
