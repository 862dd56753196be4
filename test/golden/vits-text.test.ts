/** VITS's text: the symbols that transformers' tokenizer gives, of characters and of phonemes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { espeakPhonemize, textToPhonemes } from "../../codecs/vits/phonemes";
import {
  originalVocabulary,
  parseTokenizerConfig,
  parseVocabulary,
  type TextFrontend,
  VitsTokenizer,
} from "../../codecs/vits/tokenizer";

interface Line {
  readonly text: string;
  readonly symbols: number[];
  readonly language?: string;
}

interface TokensFile {
  readonly vocabulary: Record<string, number>;
  readonly characters: Line[];
  readonly withoutBlanks: Line[];
  readonly stretches: Record<string, string>;
  readonly phonemes: Line[];
}

const golden: TokensFile = JSON.parse(
  readFileSync(join(import.meta.dirname, "vits-text", "tokens.json"), "utf8"),
);

function tokenizer(vocabulary: Record<string, number>, config: object, frontend: TextFrontend = {}): VitsTokenizer {
  return new VitsTokenizer(parseVocabulary(vocabulary, 1000), parseTokenizerConfig(config), frontend);
}

describe("characters", () => {
  it.each(golden.characters)("$language: $text", async ({ text, symbols, language }) => {
    const found = await tokenizer(golden.vocabulary, { phonemize: false, language }).encode(text);
    expect(found.symbols).toEqual(symbols);
  });

  it.each(golden.withoutBlanks)("without blanks: $text", async ({ text, symbols }) => {
    const found = await tokenizer(golden.vocabulary, { phonemize: false, add_blank: false }).encode(text);
    expect(found.symbols).toEqual(symbols);
  });

  it("tell letters and digits that are left out, and not punctuation", async () => {
    const { unknown, symbols } = await tokenizer(golden.vocabulary, { phonemize: false }).encode("Größe 9, ja!ß");
    expect(unknown).toEqual(["ö", "ß", "9"]);
    expect(symbols.length).toBeGreaterThan(1);
  });
});

describe("phonemes", () => {
  const recorded: TextFrontend = {
    async phonemize(text) {
      const phonemes = golden.stretches[text];
      if (phonemes === undefined) throw new Error(`no stretch ${JSON.stringify(text)}: punctuation is split otherwise`);
      return phonemes;
    },
  };

  it.each(golden.phonemes)("$text", async ({ text, symbols }) => {
    const found = await tokenizer({ ...originalVocabulary }, { normalize: false }, recorded).encode(text);
    expect(found.symbols).toEqual(symbols);
  });

  it("come from espeak-ng when no other way is given", async () => {
    expect(await textToPhonemes("Hello, world!", "en-us", espeakPhonemize)).toBe("həlˈoʊ, wˈɜːld!");
    // British English has another vowel: a language that is not passed on would give the same.
    expect(await textToPhonemes("Hello, world!", "en-gb", espeakPhonemize)).toBe("həlˈəʊ, wˈɜːld!");
  });

  it("are refused in a language that is not there", async () => {
    await expect(espeakPhonemize("Guten Tag", "de")).rejects.toMatchObject({
      name: "TextError",
      code: "unsupported-language",
      text: "Guten Tag",
    });
  });
});

describe("abbreviations", () => {
  const written = "Dr. No";
  const spellOut = (config: object, frontend?: TextFrontend) =>
    tokenizer({ ...originalVocabulary }, config, frontend).spellOut(written);

  it("are written out for the phonemizer's English", () => {
    expect(spellOut({})).toBe("Doctor No");
    expect(spellOut({}, { phonemeLanguage: "en-gb" })).toBe("Doctor No");
  });

  it("are left to those who speak otherwise", () => {
    expect(spellOut({ phonemize: false })).toBe(written);
    expect(spellOut({}, { phonemize: async (text) => text })).toBe(written);
    expect(spellOut({}, { phonemeLanguage: "de" })).toBe(written);
  });
});

describe("romanization", () => {
  const config = { phonemize: false, is_uroman: true };

  it("is asked for by models that need it, for text that is not Latin", async () => {
    const named = { name: "TextError", code: "romanizer-needed" };
    await expect(tokenizer(golden.vocabulary, config).encode("Привет")).rejects.toMatchObject(named);
    expect((await tokenizer(golden.vocabulary, config).encode("abc")).symbols).toHaveLength(7);
    const romanize = (text: string) => text.replaceAll("п", "p").replace(/[^\0-\x7f]/g, "");
    const { symbols } = await tokenizer(golden.vocabulary, config, { romanize }).encode("п");
    expect(symbols).toEqual([0, golden.vocabulary.p, 0]);
  });
});

describe("vocabularies", () => {
  it("may be lists of symbols in the order of their numbers", () => {
    expect([...parseVocabulary(["_", "a", "b"], 2)]).toEqual([["_", 0], ["a", 1]]);
  });
});

describe("vocabularies and rules that are none", () => {
  it("are refused", () => {
    for (const vocabulary of [null, 5, { a: -1 }, { a: 0.5 }, { a: "0" }, { a: 7 }, {}, []]) {
      expect(() => parseVocabulary(vocabulary, 5), JSON.stringify(vocabulary)).toThrow(/vocabulary/);
    }
    expect(() => parseTokenizerConfig(3)).toThrow('"tokenizer" expected an object, got 3');
  });
});
