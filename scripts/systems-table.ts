/**
 * Writes docs/systems.md, the tables of all systems, from their definitions: `npm run docs:systems`. A test
 * (test/unit/systems-table.test.ts) fails while the page is not what this writes.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { codecs, speechModels, vocoders } from "../src/index";
import { bitsPerSecondOf } from "../src/rvq/bitrate";
import type { SystemCard } from "../src/system-card";

/** Where the page lies. */
export const systemsPath = join(import.meta.dirname, "..", "docs", "systems.md");

interface Definition {
  readonly name: string;
  readonly card: SystemCard;
}

type Column = readonly [title: string, cell: (definition: Definition) => string];

const system: readonly Column[] = [
  ["system", ({ name }) => `\`${name}\``],
  ["paper", ({ card }) => `[${card.paper}](${card.paperUrl})`],
  ["audio", ({ card }) => `${card.sampleRate / 1000} kHz ${card.numChannels === 1 ? "mono" : "stereo"}`],
];

const sizes: readonly Column[] = [
  ["parameters", ({ card }) => `${round(card.numParameters / 1e6)} M`],
  ["delay", ({ card }) => delay(card)],
];

const trust: readonly Column[] = [
  ["licence of the authors' code", ({ card }) => card.codeLicence],
  ["licence of the weights", ({ card }) => card.weightsLicence],
  ["tested against", ({ card }) => card.tested],
];

const codecColumns: readonly Column[] = [
  ...system,
  ["rates, kbps", ({ card }) => rates(card)],
  ["frames/s", ({ card }) => round(card.frameRate)],
  ["codebooks", ({ card: { rvq } }) => (rvq === undefined ? "" : `${rvq.numCodebooks} of ${rvq.codebookSize}`)],
  ...sizes,
  ...trust,
];

/** Of systems that make audio: of features or of text. */
const synthesisColumns: readonly Column[] = [
  ...system,
  ["frames/s", ({ card }) => round(card.frameRate)],
  ...sizes,
  ...trust,
];

/** The page as it should be. */
export function systemsPage(): string {
  const bundled = [...codecs, ...vocoders].filter(({ weightsLicence }) => weightsLicence !== undefined);
  const withWeights = bundled.map(({ name }) => `\`${name}\``).join(", ");
  const separate = [...vocoders, ...speechModels].filter(({ weightsPackage }) => weightsPackage !== undefined);
  const packaged = separate.map(({ name }) => `\`${name}\``).join(", ");
  return `# Systems

Made by \`npm run docs:systems\` from the definitions in \`codecs/\`: change those, not this page.

The code that runs here is this package's own, under Apache-2.0; the licence of the authors' code matters to those who use that. Weights come with ${withWeights} only; ${packaged} have packages of weights, \`@quantone/NAME\`. Parameters are those of all networks without codebooks. The delay is algorithmic: what a stream waits for, whatever the machine. Commands, parity numbers and limits are in the model card of each system, \`codecs/*/README.md\`.

## Codecs

${table(codecColumns, codecs)}

Rates are those that the published model was trained for, or all that its codebooks allow.

## Vocoders

${table(synthesisColumns, vocoders)}

Frames are those of the features that go in.

## Speech models

${table(synthesisColumns, speechModels)}

Frames are those of the model's own latents: text goes in.
`;
}

function table(columns: readonly Column[], definitions: readonly Definition[]): string {
  const rows = definitions.map((definition) => columns.map(([, cell]) => cell(definition)));
  const titles = columns.map(([title]) => title);
  return [titles, titles.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function rates({ frameRate, rvq, trainedBitsPerSecond }: SystemCard): string {
  if (trainedBitsPerSecond !== undefined) return trainedBitsPerSecond.map((rate) => round(rate / 1000)).join(", ");
  if (rvq === undefined) return "";
  const [lowest, highest] = [bitsPerSecondOf({ frameRate, ...rvq }, 1), bitsPerSecondOf({ frameRate, ...rvq })];
  return `${round(lowest / 1000)} to ${round(highest / 1000)} in steps of ${round(lowest / 1000)}`;
}

function delay({ delaySamples, sampleRate }: SystemCard): string {
  return delaySamples === undefined ? "whole signal" : `${round((1000 * delaySamples) / sampleRate)} ms`;
}

/** Three digits. */
function round(value: number): string {
  return String(Number(value.toPrecision(3)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(systemsPath, systemsPage());
