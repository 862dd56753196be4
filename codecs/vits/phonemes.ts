/**
 * Text -> phonemes of the International Phonetic Alphabet with punctuation in its place, as VITS was trained on them.
 *
 * What lies between punctuation is spoken by espeak-ng, stretch by stretch; the punctuation stays as it is written. That is
 * what the Python package phonemizer does for the reference (`preserve_punctuation`, `with_stress`).
 */
import { TextError } from "../../src/errors";

/**
 * Turns a stretch of text without punctuation into phonemes.
 *
 * @param language  such as `en-us`
 */
export type Phonemize = (text: string, language: string) => Promise<string>;

/** What keeps its place: marks, but for points and commas within numbers, and the spaces around them. */
const mark = /[;:!?¡¿—…"«»“”(){}[\]]|(?<![0-9])[.,]|[.,](?![0-9])/u.source;
const punctuation = new RegExp(`\\s*(?:${mark})(?:${mark}|\\s)*`, "gu");

/** How much of a text errors quote. */
const quotedCharacters = 60;

/**
 * Phonemes of a sentence.
 *
 * @throws {TextError} from `phonemize`
 */
export async function textToPhonemes(text: string, language: string, phonemize: Phonemize): Promise<string> {
  const marks = [...text.matchAll(punctuation), undefined];
  let [phonemes, begin] = ["", 0];
  for (const mark of marks) {
    const stretch = text.slice(begin, mark?.index).trim();
    if (stretch !== "") phonemes += await phonemize(stretch, language);
    if (mark === undefined) break;
    phonemes += mark[0];
    begin = mark.index + mark[0].length;
  }
  return phonemes.replace(/\s+/gu, " ").trim();
}

/**
 * espeak-ng as the package phonemizer brings it, compiled to WebAssembly. It is loaded when it is first needed.
 *
 * @throws {TextError} `phonemizer-unavailable`, `unsupported-language` or `phonemizer-failed`
 */
export const espeakPhonemize: Phonemize = async (text, language) => {
  const { phonemize } = await loadPhonemizer(text);
  try {
    // Version 1.2.1 takes "en-gb" and keeps the voice of the call before; British English is what it calls "en".
    return (await phonemize(text, language === "en-gb" ? "en" : language)).join(" ");
  } catch (cause) {
    const quoted = text.slice(0, quotedCharacters);
    if (/language/i.test(String(cause))) {
      const message = `the package phonemizer has no language "${language}": it speaks English, such as en-us and en-gb; for others give "phonemize" (on the command line --phonemes)`;
      throw new TextError("unsupported-language", message, { text: quoted, cause });
    }
    const message = `espeak-ng cannot speak "${quoted}"; spell it otherwise`;
    throw new TextError("phonemizer-failed", message, { text: quoted, cause });
  }
};

async function loadPhonemizer(text: string): Promise<typeof import("phonemizer")> {
  try {
    return await import("phonemizer");
  } catch (cause) {
    const message =
      'this model speaks phonemes and the package phonemizer is not installed; run: npm install phonemizer, or give "phonemize"';
    throw new TextError("phonemizer-unavailable", message, { text: text.slice(0, quotedCharacters), cause });
  }
}
