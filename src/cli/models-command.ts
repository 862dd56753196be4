/** `quantone models`: the codecs and vocoders that there are. */
import type { Command } from "commander";
import type { CliEnvironment } from "./environment";
import { alignPairs, reportAnswer } from "./report";

/** Adds `models` to the program. */
export function addModelsCommand(program: Command, environment: CliEnvironment): void {
  program
    .command("models")
    .description("list the codecs and vocoders that come with this package")
    .option("--json", "print as JSON")
    .action((options: { json?: boolean }) => {
      const facts = (kind: "codec" | "vocoder") => {
        const listed = kind === "codec" ? environment.codecs : environment.vocoders;
        return listed.map(({ name, summary, weightsLicence = null }) => ({ name, kind, summary, weightsLicence }));
      };
      const result = [...facts("codec"), ...facts("vocoder")];
      const lines = alignPairs(
        result.map(({ name, kind, summary, weightsLicence }) => [
          name,
          `${kind}: ${summary} (${weightsLicence ?? "bring weights"})`,
        ]),
      );
      reportAnswer(environment, options, { result, lines });
    });
}
