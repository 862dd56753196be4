/** `quantone say`: text → speech → WAV, chunk by chunk. */
import { type Command, InvalidArgumentError } from "commander";
import type { PcmAudio } from "../audio/pcm-audio";
import { TextError } from "../errors";
import { concatBytes } from "../kernels/concat";
import type { SpeechModel } from "../synthesis/speech-model";
import { openInput, openOutput, STANDARD_STREAM } from "./byte-streams";
import type { CliEnvironment } from "./environment";
import { InputError } from "./exit-codes";
import { formatSeconds } from "./format-values";
import { addRunOptions, loadCommandSpeechModel, parseIndex, parseSeed, type RunOptions } from "./job-options";
import { measureSpeed, reportJob, warn } from "./report";
import { addSpeechOptions, readSpeechOptions, type SpeechOptions } from "./speech-options";
import { assertWavName, sampleFormatOption, type WavOptions, writeWav } from "./wav-output";

interface SayCommandOptions extends RunOptions, WavOptions, SpeechOptions {
  readonly model?: string;
  readonly file?: boolean;
  readonly speaker: number;
  readonly seed: number;
  readonly rate?: number;
}

const AFTER_HELP = `
Examples:
  quantone say "Sound is a wave." wave.wav --weights facebook/mms-tts-eng
  quantone say --file story.txt - --weights facebook/mms-tts-eng | ffplay -nodisp -autoexit -
  espeak-ng -q --ipa -v de "Guten Tag" | quantone say - tag.wav --phonemes --weights ./german-voice

What a model needs beside its weights (config.json; vocab.json or vocab.txt; tokenizer_config.json) is read from their
folder. LJ Speech's and VCTK's voices of the original VITS want --config alone.`;

/** Adds `say` to the program. */
export function addSayCommand(program: Command, environment: CliEnvironment): void {
  const command = program
    .command("say")
    .description("speak a text")
    .argument("<text>", "what to say, or - for standard input; with --file the file that it is in")
    .argument("<output>", "WAV file to write, or - for standard output, where it can be heard while it is made")
    .option("--file", "take <text> for the path of a text file, in UTF-8")
    .option(
      "--model <name>",
      "speech model to run, as quantone models lists them; default: vits for --weights, else a voice that can be installed",
    )
    .option("--speaker <n>", "which voice, counted from 0", parseIndex, 0)
    .option("--seed <n>", "where the noise begins: the same seed says it the same way", parseSeed, 0)
    .option("--rate <factor>", "2 is twice as fast as 1; default: the model's own", parseFactor);
  addSpeechOptions(command).addOption(sampleFormatOption());
  addRunOptions(command)
    .addHelpText("after", AFTER_HELP)
    .action((text: string, output: string, options: SayCommandOptions) => runSay(text, output, options, environment));
}

async function runSay(
  argument: string,
  path: string,
  options: SayCommandOptions,
  environment: CliEnvironment,
): Promise<void> {
  const beginMs = environment.now();
  assertWavName(path);
  const input = options.file === true ? argument : STANDARD_STREAM;
  await using output = await openOutput({ input, output: path }, environment, options);
  const text = options.file === true || argument === STANDARD_STREAM ? await readText(argument, environment) : argument;
  assertHasText(text);
  const speech = await readSpeechOptions(options);
  const modelName = options.model ?? defaultModel(options, environment);
  await using model = await loadCommandSpeechModel(modelName, speech, options, environment);
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

/** Weights that are given are of the published kind; without any, a voice that has some. */
function defaultModel({ weights }: SayCommandOptions, { speechModels }: CliEnvironment): string {
  const isFitting = (model: (typeof speechModels)[number]) =>
    weights !== undefined || model.weightsLicence !== undefined || model.weightsPackage !== undefined;
  return (speechModels.find(isFitting) ?? speechModels[0])?.name ?? "";
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
  const chunks = model.synthesizeStream(text, {
    signal: environment.signal,
    seed,
    speaker,
    ...(rate !== undefined && { speakingRate: rate }),
    onUnknown: (symbols) => {
      for (const symbol of symbols) unknown.add(symbol);
    },
  });
  let hasSpoken = false;
  for await (const chunk of chunks) {
    hasSpoken = true;
    yield chunk;
  }
  if (!hasSpoken) throw nothingToSay(text);
  if (unknown.size > 0) warn(environment, options, describeUnknown([...unknown]));
}

function describeUnknown(symbols: readonly string[]): string {
  const advice = symbols.some((symbol) => /\p{N}/u.test(symbol)) ? "; write numbers as words" : "";
  return `left out what the model does not know: ${symbols.slice(0, 40).join(" ")}${advice}`;
}

/**
 * Text from a file or standard input.
 *
 * @throws {InputError} when it is no UTF-8
 */
async function readText(path: string, environment: CliEnvironment): Promise<string> {
  await using input = await openInput(path, environment);
  const chunks: Uint8Array[] = [];
  for await (const bytes of input.bytes) chunks.push(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(concatBytes(chunks));
  } catch (cause) {
    const name = path === STANDARD_STREAM ? "standard input" : path;
    const message = `${name}: expected text in UTF-8, got other bytes; convert it: iconv -t utf-8`;
    throw new InputError(message, { cause });
  }
}

/** @throws {TextError} `nothing-to-say`, before a model is loaded for it */
function assertHasText(text: string): void {
  if (text.trim() === "") throw nothingToSay(text);
}

function nothingToSay(text: string): TextError {
  const quoted = text.trim().slice(0, 60);
  const message = `there is nothing to say in ${JSON.stringify(quoted)}; give a text with words`;
  return new TextError("nothing-to-say", message, { text: quoted });
}

function parseFactor(value: string): number {
  const factor = Number(value);
  if (value.trim() === "" || !Number.isFinite(factor) || factor <= 0) {
    throw new InvalidArgumentError("Give a factor above 0, such as 0.9 or 1.2.");
  }
  return factor;
}
