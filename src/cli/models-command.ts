/** `quantone models`: the codecs, vocoders and speech models that there are, and where their weights are to come from. */
import type { Command } from "commander";
import { isCodecError } from "../errors";
import type { CliEnvironment } from "./environment";
import { alignColumns, reportAnswer } from "./report";

type System = CliEnvironment["vocoders"][number];

/** Adds `models` to the program. */
export function addModelsCommand(program: Command, environment: CliEnvironment): void {
  program
    .command("models")
    .description("list codecs, vocoders and speech models, and what each needs before it runs")
    .option("--json", "print as JSON")
    .action((options: { json?: boolean }) => runModels(options, environment));
}

async function runModels(options: { json?: boolean }, environment: CliEnvironment): Promise<void> {
  const kinds = [
    ["codec", environment.codecs],
    ["vocoder", environment.vocoders],
    ["speech model", environment.speechModels],
  ] as const;
  const result = [];
  const rows: string[][] = [];
  for (const [kind, systems] of kinds) {
    for (const system of systems) {
      const { name, summary, weightsLicence = null, weightsPackage = null } = system;
      const needs = await findNeeds(system, environment);
      result.push({ name, kind, summary, weightsLicence, weightsPackage, isReady: needs === undefined, needs });
      const licence = weightsLicence === null ? "" : ` (${weightsLicence})`;
      rows.push([name, needs ?? "ready", `${kind}: ${summary}${licence}`]);
    }
  }
  reportAnswer(environment, options, { result, lines: alignColumns(rows) });
}

/** What is to be done before a system runs; `undefined` when it has its weights. */
async function findNeeds(system: System, { findInstalledWeights }: CliEnvironment): Promise<string | undefined> {
  const { weightsLicence, weightsPackage } = system;
  if (weightsLicence !== undefined) return undefined;
  if (weightsPackage === undefined) return "needs --weights";
  try {
    return (await findInstalledWeights(weightsPackage)) === undefined ? `npm install ${weightsPackage}` : undefined;
  } catch (error) {
    if (isCodecError(error, "weights-checksum")) return `damaged: npm install ${weightsPackage} again`;
    throw error;
  }
}
