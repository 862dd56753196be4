/** The command line: arguments → one command → an exit code. */
import { Command } from "commander";
import packageJson from "../../package.json";
import { addDecodeCommand } from "./decode-command";
import { addDoctorCommand } from "./doctor-command";
import { addEncodeCommand } from "./encode-command";
import type { CliEnvironment } from "./environment";
import { exitCodes, judge } from "./exit-codes";
import { addInfoCommand } from "./info-command";
import { addModelsCommand } from "./models-command";
import { addSayCommand } from "./say-command";
import { addVocodeCommand } from "./vocode-command";

const AFTER_HELP = `
Examples:
  quantone encode speech.wav speech.qtn --bitrate 3
  quantone decode speech.qtn restored.wav
  ffmpeg -i film.mkv -f wav - | quantone encode - - -b 1.5 | quantone decode - - > film.wav
  quantone vocode speech.wav copy.wav --vocoder hifigan-v1 --weights ./generator_v1
  quantone say "Sound is a wave." wave.wav --weights facebook/mms-tts-eng

quantone models lists what can be named, and what each needs before it runs.
Exit codes: 0 done; 1 a file, a device or a model is at fault; 2 the command is.`;

/**
 * Runs one command.
 *
 * @param args  the arguments after the program's name
 * @returns the exit code; all messages are printed
 */
export async function runCommandLine(args: readonly string[], environment: CliEnvironment): Promise<number> {
  try {
    await createProgram(environment).parseAsync(args, { from: "user" });
    return exitCodes.done;
  } catch (error) {
    const { exitCode, message } = judge(error, environment.signal);
    if (message !== "") environment.stderr.write(`quantone: ${message}\n`);
    return exitCode;
  }
}

function createProgram(environment: CliEnvironment): Command {
  const program = new Command("quantone")
    .description("Neural audio codecs: audio to discrete tokens and back; vocoders and speech.")
    .version(packageJson.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => environment.stdout.write(text),
      writeErr: (text) => environment.stderr.write(text),
      outputError: (text, write) => write(`${text.replace(/^error: /, "quantone: ").trimEnd()}; see --help\n`),
    })
    .addHelpText("after", AFTER_HELP);
  addEncodeCommand(program, environment);
  addDecodeCommand(program, environment);
  addVocodeCommand(program, environment);
  addSayCommand(program, environment);
  addInfoCommand(program, environment);
  addModelsCommand(program, environment);
  addDoctorCommand(program, environment);
  return program;
}
