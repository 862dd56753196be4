/** `quantone say`: text → speech → WAV, chunk by chunk. */
import { type Command, InvalidArgumentError } from "commander";
import type { PcmAudio } from "../audio/pcm-audio";
import type { SpeechModel } from "../synthesis/speech-model";
import { openOutput, STANDARD_STREAM } from "./byte-streams";
import type { CliEnvironment } from "./environment";
import { formatSeconds } from "./format-values";
import { addRunOptions, loadCommandSpeechModel, parseIndex, parseSeed, type RunOptions } from "./job-options";
import { measureSpeed, reportJob, warn } from "./report";
import { assertWavName, sampleFormatOption, type WavOptions, writeWav } from "./wav-output";

interface SayCommandOptions extends RunOptions, WavOptions {
  readonly model: string;
  readonly speaker: number;
  readonly seed: number;
  readonly rate?: number;
}

/** Adds `say` to the program. */
export function addSayCommand(program: Command, environment: CliEnvironment): void {
  const command = program
    .command("say")
    .description("speak a text")
    .argument("<text>", "what to say, or - for standard input")
    .argument("<output>", "WAV file to write, or - for standard output")
    .option("--model <name>", "speech model to run; quantone models lists them", "vits")
    .option("--speaker <n>", "which voice, counted from 0", parseIndex, 0)
    .option("--seed <n>", "where the noise begins: the same seed says it the same way", parseSeed, 0)
    .option("--rate <factor>", "2 is twice as fast as 1; default: the model's own", parseFactor)
    .addOption(sampleFormatOption());
  addRunOptions(command).action((text: string, output: string, options: SayCommandOptions) =>
    runSay(text, output, options, environment),
  );
}

async function runSay(
  argument: string,
  path: string,
  options: SayCommandOptions,
  environment: CliEnvironment,
): Promise<void> {
  const beginMs = environment.now();
  assertWavName(path);
  // The text is no file, so no output can be it.
  await using output = await openOutput({ input: STANDARD_STREAM, output: path }, environment, options);
  const text = argument === STANDARD_STREAM ? await readText(environment.stdin) : argument;
  await using model = await loadCommandSpeechModel(options.model, options, environment);
  const { name, sampleRate } = model;
  const spoken = { sampleRate, numChannels: 1, chunks: speakAll(model, text, options, environment) };
  const encoder = await writeWav(output, spoken, options, environment);
  await output.commit();
  const seconds = encoder.numSamples / sampleRate;
  const speed = measureSpeed(seconds, beginMs, environment);
  const { numSamples, numClipped } = encoder;
  const { speaker, seed } = options;
  const result = { output: path, model: name, speaker, seed, sampleRate, numSamples, seconds, numClipped };
  const summary = `${path} (${formatSeconds(seconds)} ${sampleRate} Hz, ${name}) ${speed.summary}`;
  reportJob(environment, options, { outputPath: path, result: { ...result, ...speed.result }, summary });
}

/** The text as speech, chunk by chunk; warns at its end of what the model does not know. */
async function* speakAll(
  model: SpeechModel,
  text: string,
  options: SayCommandOptions,
  environment: CliEnvironment,
): AsyncGenerator<PcmAudio, void> {
  const unknown = new Set<string>();
  const { seed, speaker, rate } = options;
  yield* model.synthesizeStream(text, {
    signal: environment.signal,
    seed,
    speaker,
    ...(rate !== undefined && { speakingRate: rate }),
    onUnknown: (symbols) => {
      for (const symbol of symbols) unknown.add(symbol);
    },
  });
  if (unknown.size > 0) {
    warn(environment, options, `left out what the model does not know: ${[...unknown].slice(0, 40).join(" ")}`);
  }
}

async function readText(stdin: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stdin) text += decoder.decode(bytes, { stream: true });
  return text + decoder.decode();
}

function parseFactor(value: string): number {
  const factor = Number(value);
  if (value.trim() === "" || !Number.isFinite(factor) || factor <= 0) {
    throw new InvalidArgumentError("Give a factor above 0, such as 0.9 or 1.2.");
  }
  return factor;
}
