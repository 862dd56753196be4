/**
 * Text -> the symbols that a model knows, as numbers.
 *
 * Two kinds of models: those of characters (MMS), which take the letters that they know and nothing else, and those of
 * phonemes.
 *
 * Source   the reference's VitsTokenizer, whose numbers these are
 */
import { ModelError, TextError } from "../../src/errors";
import { badConfig } from "../config-schema";
import { spellOutEnglish } from "./english-text";
import { espeakPhonemize, type Phonemize, textToPhonemes } from "./phonemes";

/** Rules of a model's text, from `tokenizer_config.json`. */
export interface TokenizerConfig {
  /** Whether symbol 0 stands between any two others and at both ends. */
  readonly hasBlanks: boolean;
  /** Whether text is brought to lower case and stripped of what the model does not know. */
  readonly isNormalized: boolean;
  /** Whether symbols are phonemes. */
  readonly hasPhonemes: boolean;
  /** Whether text in another script than Latin has to be romanized first. */
  readonly isRomanized: boolean;
  /** ISO 639-3, where it is known. */
  readonly language: string | undefined;
}

/** How text gets from its script to what the model knows. */
export interface TextFrontend {
  /** Default: espeak-ng of the package phonemizer, which speaks English. */
  readonly phonemize?: Phonemize;
  /** What `phonemize` is told. Default `en-us`. */
  readonly phonemeLanguage?: string;
  /** Text of any script -> Latin letters, as the program uroman does it. Needed by some MMS models. */
  readonly romanize?: (text: string) => string | Promise<string>;
}

/** The symbols of one sentence. */
export interface SymbolSequence {
  /** Empty when the sentence has nothing that the model knows. */
  readonly symbols: readonly number[];
  /** Letters and digits that the model does not know and that were left out, each once. */
  readonly unknown: readonly string[];
}

/** The symbols of the original's English models, in the order of their numbers: a blank, punctuation, letters, phonemes. */
const originalSymbols = [
  "_",
  ';:,.!?¡¿—…"«»“” ',
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
  "ɑɐɒæɓʙβɔɕçɗɖðʤəɘɚɛɜɝɞɟʄɡɠɢʛɦɧħɥʜɨɪʝɭɬɫɮʟɱɯɰŋɳɲɴøɵɸθœɶʘɹɺɾɻʀʁɽʂʃʈʧʉʊʋⱱʌɣɤʍχʎʏʑʐʒʔʡʕʢǀǁǂǃˈˌːˑʼʴʰʱʲʷˠˤ˞↓↑→↗↘'\u0329'ᵻ",
].join("");

const defaultPhonemeLanguage = "en-us";

/** The vocabulary of models that came without one. */
export const originalVocabulary: Readonly<Record<string, number>> = Object.fromEntries(
  [...originalSymbols].map((symbol, number) => [symbol, number]),
);

/**
 * Reads a parsed `tokenizer_config.json`; what it leaves out is as in the reference.
 *
 * @throws {ModelError} `bad-config` when it is no object
 */
export function parseTokenizerConfig(value: unknown): TokenizerConfig {
  if (typeof value !== "object" || value === null) throw badConfig("tokenizer", "an object", value);
  const { add_blank, normalize, phonemize, is_uroman, language } = value as Record<string, unknown>;
  return {
    hasBlanks: add_blank !== false,
    isNormalized: normalize !== false,
    hasPhonemes: phonemize !== false,
    isRomanized: is_uroman === true,
    language: typeof language === "string" ? language : undefined,
  };
}

/**
 * Checks a parsed `vocab.json`, or a list of symbols in the order of their numbers.
 *
 * @param numSymbols  rows of the embedding
 * @throws {ModelError} `bad-config` when a number is none of the model's
 */
export function parseVocabulary(value: unknown, numSymbols: number): ReadonlyMap<string, number> {
  if (typeof value !== "object" || value === null) throw badConfig("vocabulary", "an object", value);
  const entries = Array.isArray(value)
    ? value.map((symbol, number) => [String(symbol), number] as const)
    : Object.entries(value);
  for (const [symbol, number] of entries) {
    // The reference adds symbols behind the last row for what it does not know; they stand for nothing here.
    const isNumber = Number.isSafeInteger(number) && number >= 0;
    if (!isNumber) throw badConfig(`vocabulary[${JSON.stringify(symbol)}]`, "a whole number of at least 0", number);
  }
  const known = entries.filter(([, number]) => number < numSymbols);
  if (known.length > 0) return new Map(known);
  throw new ModelError("bad-config", `the vocabulary has no symbol below ${numSymbols}; give the one of this model`);
}

/** Turns text into symbols by one model's rules. */
export class VitsTokenizer {
  readonly #vocabulary: ReadonlyMap<string, number>;
  readonly #config: TokenizerConfig;
  readonly #frontend: TextFrontend;

  constructor(vocabulary: ReadonlyMap<string, number>, config: TokenizerConfig, frontend: TextFrontend = {}) {
    this.#vocabulary = vocabulary;
    this.#config = config;
    this.#frontend = frontend;
  }

  /**
   * Symbols of one sentence.
   *
   * @throws {TextError} when the text needs a phonemizer or romanizer that is not there, or that fails
   */
  async encode(text: string): Promise<SymbolSequence> {
    const spelled = await this.#spell(text);
    const unknown = [...spelled].filter((symbol) => !this.#vocabulary.has(symbol) && /[\p{L}\p{N}]/u.test(symbol));
    const known = [...spelled].filter((symbol) => this.#vocabulary.has(symbol)).join("");
    const kept = [...(this.#config.isNormalized && !this.#config.hasPhonemes ? known.trim() : known)];
    return { symbols: this.#number(kept), unknown: [...new Set(unknown)] };
  }

  /** Text with its abbreviations written out, where it is English and spoken by the phonemizer that comes with it. */
  spellOut(text: string): string {
    const { phonemize, phonemeLanguage = defaultPhonemeLanguage } = this.#frontend;
    const isEnglish = this.#config.hasPhonemes && phonemize === undefined && /^en\b/.test(phonemeLanguage);
    return isEnglish ? spellOutEnglish(text) : text;
  }

  /** The text as the model's symbols spell it, with whatever else is in it. */
  async #spell(text: string): Promise<string> {
    const { isNormalized, isRomanized, hasPhonemes, language } = this.#config;
    let spelled = isNormalized ? this.#lower(text) : text;
    if (language === "ron") spelled = spelled.replaceAll("ț", "ţ");
    if (isRomanized && /[^\0-\x7f]/.test(spelled)) spelled = await this.#romanize(spelled);
    if (!hasPhonemes) return spelled;
    const { phonemize = espeakPhonemize, phonemeLanguage = defaultPhonemeLanguage } = this.#frontend;
    return textToPhonemes(spelled, phonemeLanguage, phonemize);
  }

  /** What is no symbol as it stands may be one in lower case. */
  #lower(text: string): string {
    return [...text]
      .map((character) => (this.#vocabulary.has(character) ? character : character.toLowerCase()))
      .join("");
  }

  async #romanize(text: string): Promise<string> {
    const { romanize } = this.#frontend;
    if (romanize !== undefined) return romanize(text);
    const quoted = text.slice(0, 60);
    const message = `this model speaks Latin letters and "${quoted}" has others; romanize it first (with uroman), or give "romanize"`;
    throw new TextError("romanizer-needed", message, { text: quoted });
  }

  #number(symbols: readonly string[]): number[] {
    const numbers = symbols.map((symbol) => this.#vocabulary.get(symbol) ?? 0);
    if (!this.#config.hasBlanks || numbers.length === 0) return numbers;
    return [0, ...numbers.flatMap((number) => [number, 0])];
  }
}
