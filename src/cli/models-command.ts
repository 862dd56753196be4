/** `quantone models`: the codecs, vocoders and speech models that there are. */
import type { Command } from "commander";
import type { CliEnvironment } from "./environment";
import { alignPairs, reportAnswer } from "./report";

/** Adds `models` to the program. */
export function addModelsCommand(program: Command, environment: CliEnvironment): void {
  program
    .command("models")
    .description("list the codecs, vocoders and speech models that come with this package")
    .option("--json", "print as JSON")
    .action((options: { json?: boolean }) => {
      const kinds = [
        ["codec", environment.codecs],
        ["vocoder", environment.vocoders],
        ["speech model", environment.speechModels],
      ] as const;
      const result = kinds.flatMap(([kind, listed]) =>
        listed.map(({ name, summary, weightsLicence = null, weightsPackage = null }) => {
          return { name, kind, summary, weightsLicence, weightsPackage };
        }),
      );
      const lines = alignPairs(
        result.map(({ name, kind, summary, weightsLicence, weightsPackage }) => [
          name,
          `${kind}: ${summary} (${weightsLicence ?? (weightsPackage ? `npm install ${weightsPackage}` : "bring weights")})`,
        ]),
      );
      reportAnswer(environment, options, { result, lines });
    });
}
