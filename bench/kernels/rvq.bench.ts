/**
 * Speed of residual vector quantization in a single thread, beside EnCodec's quantizer in PyTorch.
 *
 *     npm run bench:kernels [-- --json] [-- --rounds 15] [-- --skip-pytorch]
 *
 * Every variant is held to the reference's tokens before it is timed, in processor time. Contenders take turns within a
 * round; ratios are medians of what one round measured. `rvq_8x1024x128` has the ratios that the project promises.
 */
import { parseArgs } from "node:util";
import { createRvqKernel } from "../../src/kernels/rvq";
import type { Codebooks, RvqKernel, RvqVariant } from "../../src/kernels/rvq-kernel";
import { gaussian, makeCodebooks, residualLikeCodebooks, residualLikeLatents } from "../../test/helpers/codebooks";
import { EncodecQuantizer } from "../compare/encodec-quantizer";
import { type Contender, machine, processorSeconds, ratio, summary, takeTurns } from "../harness";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "15" },
    "skip-pytorch": { type: "boolean", default: false },
  },
});
const rounds = Number(options.rounds);
/** Ten seconds of EnCodec at 24 kHz. */
const framesPerCall = 750;
/** How long one turn takes, about: long beside a timer's error, short beside what disturbs the machine. */
const secondsPerTurn = 0.1;

const shapes: readonly [string, number, number, number][] = [
  ["EnCodec", 8, 1024, 128],
  ["speech-16k", 12, 1024, 64],
  ["DAC", 9, 1024, 8],
  ["Mimi", 8, 2048, 256],
  ["Lyra", 46, 16, 64],
];

const report = {
  machine: machine(),
  threads: 1,
  clock: "processor time",
  framesPerCall,
  rounds,
  rvq_8x1024x128: await againstPytorch(
    "normal numbers",
    makeCodebooks([8, 1024, 128]),
    gaussian(framesPerCall * 128, 2),
  ),
  rvq_8x1024x128_residual_like: await againstPytorch("residual-like", ...residualLike([8, 1024, 128])),
  shapes: await eachShape(),
  beam_12x1024x64_residual_like: await eachBeamWidth(...residualLike([12, 1024, 64])),
};
if (options.json) console.log(JSON.stringify(report, null, 2));

function residualLike(shape: readonly [number, number, number]): [Codebooks, Float32Array] {
  const codebooks = residualLikeCodebooks(shape, 3);
  return [codebooks, residualLikeLatents(codebooks, framesPerCall, 4)];
}

async function eachShape() {
  const all = [];
  for (const [name, ...shape] of shapes) all.push({ name, shape: shape.join("x"), ...(await shapeSpeeds(shape)) });
  return all;
}

/** WebAssembly along so many paths, frames per second with many frames a call. */
async function eachBeamWidth(codebooks: Codebooks, latents: Float32Array) {
  const kernel = prepare("wasm", codebooks);
  const contenders = Object.fromEntries(
    [1, 2, 4, 8, 16, 32].map((beamWidth) => [beamWidth, batchOf(kernel, codebooks, latents, beamWidth)]),
  );
  const speeds = summaries(await takeTurns(contenders, Math.ceil(rounds / 3)));
  console.error("paths", speeds);
  return speeds;
}

/** All variants and PyTorch on the same codebooks and latents, frames per second. */
async function againstPytorch(data: string, codebooks: Codebooks, latents: Float32Array) {
  const [wasm, typedArray] = [prepare("wasm", codebooks), prepare("typed-array", codebooks)];
  assertTokens(codebooks, latents, [wasm, typedArray]);
  const pytorch = await startPytorch(codebooks, latents);
  const flips = pytorch === undefined ? null : countFlips(wasm, codebooks, latents, await pytorch.tokens());
  const oneFrame: Record<string, Contender> = {
    wasm: streamOf(wasm, codebooks, latents),
    typedArray: streamOf(typedArray, codebooks, latents),
    ...(pytorch && { pytorch: await paced((count) => pytorch.stream(count)) }),
  };
  const stream = await takeTurns(oneFrame, rounds);
  const allFrames: Record<string, Contender> = {
    wasm: batchOf(wasm, codebooks, latents),
    typedArray: batchOf(typedArray, codebooks, latents),
    ...(pytorch && { pytorch: await paced((count) => pytorch.batch(count), framesPerCall) }),
  };
  const batch = await takeTurns(allFrames, rounds);
  pytorch?.stop();
  const result = {
    data,
    pytorch: pytorch?.versions ?? null,
    ratio_to_pytorch_stream: ratioTo(stream),
    ratio_to_pytorch_batch: ratioTo(batch),
    frames_per_second: { one_frame_a_call: summaries(stream), [`${framesPerCall}_frames_a_call`]: summaries(batch) },
    frames_where_pytorch_differs: flips,
  };
  console.error(JSON.stringify(result, null, 2));
  return result;
}

function ratioTo({ wasm = [], pytorch }: Record<string, readonly number[]>): number | null {
  return pytorch === undefined ? null : Number(ratio(wasm, pytorch).toFixed(2));
}

function summaries(measured: Record<string, readonly number[]>) {
  return Object.fromEntries(Object.entries(measured).map(([name, list]) => [name, summary(list)]));
}

async function startPytorch(codebooks: Codebooks, latents: Float32Array): Promise<EncodecQuantizer | undefined> {
  if (options["skip-pytorch"]) return undefined;
  try {
    return await EncodecQuantizer.start(codebooks, latents);
  } catch (error) {
    console.error(
      `\n  *** NO PYTORCH, NO RATIOS: ${(error as Error).message}\n  Name a Python that has torch, einops and encodec in` +
        " QUANTONE_BENCH_PYTHON, or let pip reach its index. ***\n",
    );
    return undefined;
  }
}

function prepare(variant: RvqVariant, codebooks: Codebooks): RvqKernel {
  const kernel = createRvqKernel(codebooks, variant);
  if (kernel === undefined) throw new Error(`this platform cannot run "${variant}"`);
  return kernel;
}

/** Holds the first frames' tokens to the reference: nothing is timed that gives wrong answers fast. */
function assertTokens(codebooks: Codebooks, latents: Float32Array, kernels: readonly RvqKernel[]): void {
  const some = latents.subarray(0, 50 * codebooks.codebookDim);
  const expected = tokensOf(prepare("reference", codebooks), codebooks, some);
  for (const kernel of kernels) {
    const wrong = tokensOf(kernel, codebooks, some).filter((token, i) => token !== expected[i]).length;
    if (wrong > 0)
      throw new Error(`${wrong} tokens of ${kernel.variant} are not the reference's; run the conformance suite`);
  }
}

/** Frames in which PyTorch's float32 chose another codeword at some stage: one flip changes all stages after it. */
function countFlips(kernel: RvqKernel, codebooks: Codebooks, latents: Float32Array, theirs: Uint16Array): number {
  const ours = tokensOf(kernel, codebooks, latents);
  const frames = new Set<number>();
  for (const [i, token] of ours.entries()) if (token !== theirs[i]) frames.add(Math.floor(i / codebooks.numCodebooks));
  return frames.size;
}

function tokensOf(kernel: RvqKernel, { numCodebooks, codebookDim }: Codebooks, latents: Float32Array): Uint16Array {
  const numFrames = latents.length / codebookDim;
  const tokens = new Uint16Array(numFrames * numCodebooks);
  kernel.quantizeInto(latents, numFrames, numCodebooks, tokens);
  return tokens;
}

function streamOf(kernel: RvqKernel, { numCodebooks, codebookDim }: Codebooks, latents: Float32Array): Contender {
  const tokens = new Uint16Array(numCodebooks);
  const frames = Array.from({ length: framesPerCall }, (_, f) => {
    return latents.slice(f * codebookDim, (f + 1) * codebookDim);
  });
  return forOneTurn(() => {
    for (const frame of frames) kernel.quantizeInto(frame, 1, numCodebooks, tokens);
  });
}

function batchOf(
  kernel: RvqKernel,
  { numCodebooks }: Codebooks,
  latents: Float32Array,
  beamWidth: number = 1,
): Contender {
  const tokens = new Uint16Array(framesPerCall * numCodebooks);
  return forOneTurn(() => kernel.quantizeInto(latents, framesPerCall, numCodebooks, tokens, beamWidth));
}

/** A contender that repeats a job of `framesPerCall` frames until its turn is over. */
function forOneTurn(job: () => void): Contender {
  return () => {
    let done = 0;
    let seconds = 0;
    const begin = processorSeconds();
    while (seconds < secondsPerTurn) {
      job();
      done += framesPerCall;
      seconds = processorSeconds() - begin;
    }
    return done / seconds;
  };
}

/** A contender that works for about one turn, by a count found in one first run. */
async function paced(run: (count: number) => Promise<number>, framesPerCount = 1): Promise<Contender> {
  const framesPerSecond = await run(Math.ceil(100 / framesPerCount));
  const count = Math.max(1, Math.round((framesPerSecond * secondsPerTurn) / framesPerCount));
  return () => run(count);
}

/** Our kernels at one shape, frames per second. */
async function shapeSpeeds(shape: readonly [number, number, number]) {
  const codebooks = makeCodebooks(shape);
  const latents = gaussian(framesPerCall * codebooks.codebookDim, 2);
  const [wasm, typedArray] = [prepare("wasm", codebooks), prepare("typed-array", codebooks)];
  const measured = await takeTurns(
    {
      wasm_stream: streamOf(wasm, codebooks, latents),
      wasm_batch: batchOf(wasm, codebooks, latents),
      typedArray_stream: streamOf(typedArray, codebooks, latents),
      typedArray_batch: batchOf(typedArray, codebooks, latents),
    },
    Math.ceil(rounds / 5),
  );
  const speeds = summaries(measured);
  console.error(shape.join("x"), speeds);
  return speeds;
}
