/** `quantone models`: the codecs that there are. */
import type { Command } from "commander";
import type { CliEnvironment } from "./environment";
import { alignPairs, reportAnswer } from "./report";

/** Adds `models` to the program. */
export function addModelsCommand(program: Command, environment: CliEnvironment): void {
  program
    .command("models")
    .description("list the codecs that come with this package")
    .option("--json", "print as JSON")
    .action((options: { json?: boolean }) => {
      const result = environment.codecs.map(({ name, summary, weightsLicence }) => ({
        name,
        summary,
        weightsLicence: weightsLicence ?? null,
      }));
      const lines = alignPairs(
        result.map(({ name, summary, weightsLicence }) => [name, `${summary} (${weightsLicence ?? "bring weights"})`]),
      );
      reportAnswer(environment, options, { result, lines });
    });
}
