/**
 * Files with EnCodec's language model against PyPI encodec's, on the recordings and the model that ecdc_parity.py has put
 * into a folder: how often ranges agree, who reads whose files, and what whole numbers cost in bytes.
 *
 *     npx tsx scripts/encodec/ecdc-parity.ts DIR
 *
 * It leaves a file in floats and one in integers of every clip, for `ecdc_parity.py check DIR`.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadLanguageModel } from "../../codecs/encodec/language-model/index";
import { readSafetensors } from "../../src/checkpoints/safetensors";
import {
  type CodePredictor,
  type ModelArithmetic,
  readModelledEcdc,
  type TokenLanguageModel,
  writeEcdc,
  writeModelledEcdc,
} from "../../src/container/ecdc/index";
import { isCodecError } from "../../src/errors";
import type { TokenFrames } from "../../src/tokens/token-frames";

const numCodebooks = 8;
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("usage: ecdc-parity.ts DIR");
await using model = await loadLanguageModel("encodec-24khz", { weights: join(folder, "lm.th"), device: "cpu" });

interface Clip {
  readonly name: string;
  readonly tokens: TokenFrames;
  /** Upstream's range of each code: begin and end. */
  readonly ranges: Float32Array;
}

function readClip(name: string): Clip {
  const { tensors } = readSafetensors(readFileSync(join(folder as string, `${name}.safetensors`)));
  const take = (key: string) => tensors.get(key)?.data ?? new Float32Array(0);
  const [numSamples = 0] = take("facts");
  const format = { codec: "encodec-24khz", revision: "random", sampleRate: 24_000, frameRate: 75, numChannels: 1 };
  const tokens = { ...format, numSamples, numCodebooks, codebookSize: 1024, codes: Uint16Array.from(take("codes")) };
  return { name, tokens, ranges: take("ranges") };
}

/** The model, counting codes whose range is upstream's, as it goes along the clip's codes. */
function comparing({ tokens, ranges }: Clip): { languageModel: TokenLanguageModel; equal: boolean[] } {
  const equal: boolean[] = [];
  return {
    equal,
    languageModel: {
      codec: model.codec,
      revision: model.revision,
      async startSegment(count, arithmetic): Promise<CodePredictor> {
        const inner = await model.startSegment(count, arithmetic);
        return {
          async next(previous) {
            const ends = await inner.next(previous);
            for (let stage = 0; stage < count; stage++) {
              const code = tokens.codes[equal.length] ?? 0;
              const at = stage * 1024 + code;
              const begin = code === 0 ? 0 : ends[at - 1];
              const index = 2 * equal.length;
              equal.push(begin === ranges[index] && ends[at] === ranges[index + 1]);
            }
            return ends;
          },
        };
      },
    },
  };
}

async function outcome(reading: Promise<TokenFrames>, expected: TokenFrames): Promise<string> {
  try {
    return (await reading).codes.every((code, index) => code === expected.codes[index]) ? "equal" : "WRONG CODES";
  } catch (error) {
    if (!isCodecError(error)) throw error;
    return `refused (${error.code})`;
  }
}

for (const file of readdirSync(folder).filter((name) => name.endsWith(".safetensors"))) {
  const clip = readClip(file.replace(".safetensors", ""));
  const { tokens } = clip;
  const upstream = new Uint8Array(readFileSync(join(folder, `${clip.name}.upstream.ecdc`)));
  const { languageModel, equal } = comparing(clip);
  await writeModelledEcdc(tokens, languageModel, { arithmetic: "float" });
  const row: Record<string, string | number> = {
    clip: clip.name.slice(0, 28),
    "codes whose range is upstream's": `${equal.filter(Boolean).length} of ${equal.length}`,
    "first that is not": equal.indexOf(false),
    "packed, bytes": writeEcdc(tokens).length,
    "upstream, bytes": upstream.length,
  };
  for (const arithmetic of ["float", "integer"] as const satisfies readonly ModelArithmetic[]) {
    const file = await writeModelledEcdc(tokens, model, { arithmetic });
    writeFileSync(join(folder, `${clip.name}.${arithmetic}.ecdc`), file);
    row[`${arithmetic}, bytes`] = file.length;
    row[`${arithmetic}, own file`] = await outcome(readModelledEcdc(file, "random", model), tokens);
  }
  row["upstream's file read here"] = await outcome(readModelledEcdc(upstream, "random", model), tokens);
  console.log(row);
}
