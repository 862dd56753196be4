/**
 * English as it is written -> as it is spoken, where a phonemizer would go wrong: a full stop behind an abbreviation would
 * be a pause and the end of a sentence, "$3.50" would be "dollar three point five zero". Numbers, percentages and the like
 * are espeak-ng's own business, which reads them well.
 */

/** Abbreviations that stand before a name: there no sentence ends behind them. */
const titles: ReadonlyMap<string, string> = new Map([
  ["capt", "captain"],
  ["col", "colonel"],
  ["dr", "doctor"],
  ["gen", "general"],
  ["hon", "honorable"],
  ["lt", "lieutenant"],
  ["maj", "major"],
  ["mr", "mister"],
  ["mrs", "misses"],
  ["ms", "miz"],
  ["prof", "professor"],
  ["rev", "reverend"],
  ["sgt", "sergeant"],
  ["st", "saint"],
  ["vs", "versus"],
]);

/** What abbreviations stand for elsewhere, where a sentence may end behind them. */
const otherAbbreviations: ReadonlyMap<string, string> = new Map([
  ["approx", "approximately"],
  ["ave", "avenue"],
  ["blvd", "boulevard"],
  ["co", "company"],
  ["corp", "corporation"],
  ["dept", "department"],
  ["dr", "drive"],
  ["esq", "esquire"],
  ["etc", "et cetera"],
  ["inc", "incorporated"],
  ["jr", "junior"],
  ["ltd", "limited"],
  ["sr", "senior"],
  ["st", "street"],
  ["vs", "versus"],
]);

/** The names of a sum's two units, each for one and for several. */
const currencies: ReadonlyMap<string, readonly [string, string, string, string]> = new Map([
  ["$", ["dollar", "dollars", "cent", "cents"]],
  ["£", ["pound", "pounds", "penny", "pence"]],
  ["€", ["euro", "euros", "cent", "cents"]],
]);

/** By the first digit of their years. */
const decades = "hundreds tens twenties thirties forties fifties sixties seventies eighties nineties".split(" ");

const money =
  /([$£€])(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d\d)(?!\.?\d|\s+[mbt]\w*llion)|(\.\d+)?(?:\s+((?:thous|[mbt])\w*(?:and|llion))\b)?)/gu;

/** The 60s, her 30s, the '80s: without such a word or mark before it, "30s" are seconds. */
const shortDecade = /\b((?:the|my|your|his|her|our|their|early|late|mid)[\s-]+)['’]?(\d)0s\b/giu;
const markedDecade = /['’](\d)0s\b/gu;
const nextDecade = /\b([a-z]+ties\s+(?:and|or|to)\s+)(\d)0s\b/gu;

/** "In 1984", but not "in 1250 cases": a noun of several that follows makes it a number. */
const year =
  /\b((?:[Ii]n|[Ss]ince|[Uu]ntil|[Yy]ear)\s+)(1[1-9]|20)([1-9]\d)(?![.,]?\d)(?!\s+(?!(?:as|his|its|this|was|is|has|us)\b)[a-z]+s\b)/gu;

/**
 * Writes out what is abbreviated.
 *
 * Cost     linear in the text
 */
export function spellOutEnglish(text: string): string {
  return (
    text
      .replace(/\b([Ee])\.\s?g\./gu, (_, e: string) => inCaseOf(e, "for example"))
      .replace(/\b([Ii])\.\s?e\./gu, (_, i: string) => inCaseOf(i, "that is"))
      .replace(/\b([Nn])o\.\s?(?=\d)/gu, (_, n: string) => `${inCaseOf(n, "number")} `)
      .replace(/(?<![\p{L}\d.])(\p{L}{2,6})\.(?=(\s*)(.?))/gu, spellAbbreviation)
      // U.S. and J. R. Smith: letters.
      .replace(/\b(?:\p{L}\.){2,}/gu, spellInitials)
      .replace(/\b(\p{Lu})\.(?=[^\S\n]+\p{Lu})/gu, "$1")
      .replace(money, spellMoney)
      .replace(/(?<![\d.,])(\d\d)(\d)0s\b/gu, spellDecade)
      .replace(shortDecade, (_, before: string, digit: string) => before + spellDecade("", "", digit))
      .replace(markedDecade, (_, digit: string) => spellDecade("", "", digit))
      .replace(nextDecade, (_, before: string, digit: string) => before + spellDecade("", "", digit))
      .replace(year, "$1$2 $3")
      .replace(/(?<=\d)–(?=\d)/gu, " to ")
      .replace(/(?<=\d)[-:](?=\d)/gu, " ")
      .replace(/(?<=[a-z\d])\.(?=[a-z])/gu, " dot ")
  );
}

/** What follows tells a title, and whether the full stop is a sentence's, too. */
function spellAbbreviation(written: string, word: string, space: string, next: string): string {
  const isBeforeCapital = space !== "" && /\p{Lu}/u.test(next);
  const title = titles.get(word.toLowerCase());
  if (title !== undefined && isBeforeCapital) return inCaseOf(word, title);
  const spelled = otherAbbreviations.get(word.toLowerCase());
  if (spelled === undefined) return written;
  const mayEnd = next === "" || isBeforeCapital || /["”»)]/u.test(next);
  return inCaseOf(word, spelled) + (mayEnd ? "." : "");
}

/** Letters, and a full stop where the line ends with them. */
function spellInitials(written: string, offset: number, text: string): string {
  const letters = written
    .replace(/\P{L}+/gu, " ")
    .trim()
    .toUpperCase();
  const lineEnd = /["”»)]*[^\S\n]*(?:\n|$)/uy;
  lineEnd.lastIndex = offset + written.length;
  return lineEnd.test(text) ? `${letters}.` : letters;
}

function spellMoney(
  written: string,
  sign: string,
  whole: string,
  cents: string | undefined,
  fraction = "",
  magnitude?: string,
): string {
  const units = currencies.get(sign);
  if (units === undefined) return written;
  const [one, several, oneCent, severalCents] = units;
  if (magnitude !== undefined) return `${whole}${fraction} ${magnitude} ${several}`;
  const sum = `${whole}${fraction} ${whole === "1" && fraction === "" ? one : several}`;
  if (cents === undefined || cents === "00") return sum;
  const small = `${Number(cents)} ${cents === "01" ? oneCent : severalCents}`;
  return whole === "0" ? small : `${sum} and ${small}`;
}

function spellDecade(_: string, century: string, digit: string): string {
  if (century === "20" && digit === "0") return "two thousands";
  return `${century} ${decades[Number(digit)]}`.trim();
}

/** A capital at the beginning stays one: sentences are known by it. */
function inCaseOf(written: string, spelled: string): string {
  return /^\p{Lu}/u.test(written) ? spelled.charAt(0).toUpperCase() + spelled.slice(1) : spelled;
}
