/** `quantone say`: text → speech → WAV, chunk by chunk. */
import { type Command, InvalidArgumentError } from "commander";
import { WavEncoder } from "../audio/files/wav-writer";
import type { SpeechModel, SynthesizeOptions } from "../synthesis/speech-model";
import { type ByteOutput, openOutput, STANDARD_STREAM } from "./byte-streams";
import type { CliEnvironment } from "./environment";
import { formatSeconds } from "./format-values";
import {
  addRunOptions,
  loadCommandSpeechModel,
  parseIndex,
  parseSeed,
  progressBar,
  type RunOptions,
} from "./job-options";
import { measureSpeed, reportJob, warn } from "./report";
import { assertWavName, sampleFormatOption, type WavOptions, warnOfClipping } from "./wav-output";

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
  const encoder = await sayTo(output, { model, text, options, environment });
  await output.commit();
  warnOfClipping(encoder, options, environment);
  const seconds = encoder.numSamples / model.sampleRate;
  const speed = measureSpeed(seconds, beginMs, environment);
  const { name, sampleRate } = model;
  const { numSamples, numClipped } = encoder;
  const { speaker, seed } = options;
  const result = { output: path, model: name, speaker, seed, sampleRate, numSamples, seconds, numClipped };
  const summary = `${path} (${formatSeconds(seconds)} ${sampleRate} Hz, ${name}) ${speed.summary}`;
  reportJob(environment, options, { outputPath: path, result: { ...result, ...speed.result }, summary });
}

interface SayJob {
  readonly model: SpeechModel;
  readonly text: string;
  readonly options: SayCommandOptions;
  readonly environment: CliEnvironment;
}

/** Speaks into the output; returns the encoder, which has counted the samples. */
async function sayTo(output: ByteOutput, { model, text, options, environment }: SayJob): Promise<WavEncoder> {
  const { sampleRate } = model;
  const encoder = new WavEncoder({ sampleRate, numChannels: 1 }, { sampleFormat: options.sampleFormat });
  const bar = progressBar(options, environment);
  const unknown = new Set<string>();
  const { seed, speaker, rate } = options;
  const job: SynthesizeOptions = {
    signal: environment.signal,
    seed,
    speaker,
    ...(rate !== undefined && { speakingRate: rate }),
    onUnknown: (symbols) => {
      for (const symbol of symbols) unknown.add(symbol);
    },
  };
  try {
    await output.write(encoder.header());
    for await (const { channels } of model.synthesizeStream(text, job)) {
      await output.write(encoder.push(channels));
      bar.update(encoder.numSamples / sampleRate, undefined);
    }
    await output.write(encoder.end());
    await output.writeAtStart(encoder.header(encoder.numSamples, { isResizable: true }));
  } finally {
    bar.stop();
  }
  if (unknown.size > 0) {
    warn(environment, options, `left out what the model does not know: ${[...unknown].slice(0, 40).join(" ")}`);
  }
  return encoder;
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
