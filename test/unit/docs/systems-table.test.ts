/** docs/systems.md is what the definitions say, and what they say holds. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseEncodecConfig } from "../../../codecs/encodec/config";
import encodec24khz from "../../../codecs/encodec/config-24khz.json";
import encodec48khz from "../../../codecs/encodec/config-48khz.json";
import { buildDecoder as buildEncodecDecoder } from "../../../codecs/encodec/decoder-graph";
import { buildEncoder as buildEncodecEncoder } from "../../../codecs/encodec/encoder-graph";
import { parseSoundstreamConfig } from "../../../codecs/soundstream/config";
import soundstreamConfig from "../../../codecs/soundstream/config.json";
import { buildDecoder } from "../../../codecs/soundstream/decoder-graph";
import { buildEncoder } from "../../../codecs/soundstream/encoder-graph";
import { systemsPage, systemsPath } from "../../../scripts/systems-table";
import { codecs, speechModels, vocoders } from "../../../src/index";
import { countParameters } from "../../helpers/count-parameters";

const definitions = [...codecs, ...vocoders, ...speechModels];

describe("the table of systems", () => {
  it("is up to date: npm run docs:systems", () => {
    expect(readFileSync(systemsPath, "utf8")).toBe(systemsPage());
  });

  it("has a row for every system", () => {
    for (const { name } of definitions) expect(systemsPage()).toContain(`| \`${name}\` |`);
  });

  it.each(definitions.map(({ name, card }) => [name, card] as const))("has facts of %s that can be", (_, card) => {
    const isWeb = card.paperUrl.startsWith("https://");
    expect(isWeb || existsSync(join(dirname(systemsPath), card.paperUrl)), card.paperUrl).toBe(true);
    // The smallest system has a million parameters: a number of millions, or of bytes, would not be among these.
    expect(card.numParameters).toBeGreaterThan(5e5);
    expect(card.numParameters).toBeLessThan(2e8);
    expect(card.sampleRate % 50).toBe(0);
    for (const text of [card.paper, card.codeLicence, card.weightsLicence, card.tested]) {
      expect(text).toMatch(/\S/);
      // A bar would end the cell.
      expect(text).not.toMatch(/[|\n]/);
    }
  });
});

describe("the number of parameters", () => {
  const parametersOf = (name: string) => codecs.find((codec) => codec.name === name)?.card.numParameters;

  it("of soundstream is what its networks take", () => {
    const config = parseSoundstreamConfig(soundstreamConfig);
    const encoder = countParameters((weights) => buildEncoder(config, weights, "offline"));
    const decoder = countParameters((weights) => buildDecoder(config, weights, "offline"));
    expect(parametersOf("soundstream")).toBe(encoder + decoder);
  });

  it.each([encodec24khz, encodec48khz])("of $name is what its networks take", ({ name, ...sizes }) => {
    const config = parseEncodecConfig({ name, ...sizes });
    const encoder = countParameters((weights) => buildEncodecEncoder(config, weights, "offline"));
    const decoder = countParameters((weights) => buildEncodecDecoder(config, weights, "offline"));
    expect(parametersOf(name)).toBe(encoder + decoder);
  });
});
