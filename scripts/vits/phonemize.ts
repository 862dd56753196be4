/**
 * Turns the texts of a voice into phonemes, by what `synthesize` does at inference: what a model is trained on is what it
 * will be given.
 *
 *     npx tsx scripts/vits/phonemize.ts transcripts.tsv phonemes.tsv [--source rhasspy_kathleen] [--language en-us]
 *
 * Both tables have a header. Of the first the columns `file` and `text` are read, the second has `file` and `phonemes`.
 * `--source` keeps the files whose names begin so.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { spellOutEnglish } from "../../codecs/vits/english-text";
import { espeakPhonemize, textToPhonemes } from "../../codecs/vits/phonemes";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { source: { type: "string", default: "" }, language: { type: "string", default: "en-us" } },
});
const [texts, phonemes] = positionals;
if (texts === undefined || phonemes === undefined) {
  throw new TypeError('"arguments" expected a table of texts and where the phonemes go, got fewer');
}
const [header = "", ...rows] = (await readFile(texts, "utf8")).trimEnd().split(/\r?\n/);
const columns = header.split("\t");
const [fileColumn, textColumn] = [columns.indexOf("file"), columns.indexOf("text")];
if (fileColumn < 0 || textColumn < 0) throw new TypeError(`"${texts}" expected columns file and text, got ${header}`);

const lines = ["file\tphonemes"];
for (const row of rows) {
  const cells = row.split("\t");
  const file = cells[fileColumn] ?? "";
  if (!file.startsWith(values.source)) continue;
  const text = cells[textColumn] ?? "";
  const spelled = /^en\b/.test(values.language) ? spellOutEnglish(text) : text;
  lines.push(`${file}\t${await textToPhonemes(spelled, values.language, espeakPhonemize)}`);
}
await mkdir(dirname(phonemes), { recursive: true });
// Under another name first: training must not find half a table.
await writeFile(`${phonemes}.partial`, `${lines.join("\n")}\n`);
await rename(`${phonemes}.partial`, phonemes);
console.log(`${lines.length - 1} texts -> ${phonemes}`);
