/** Text of any length -> pieces that a speech model says one after the other. */

/** Shorter sentences join the next one: an abbreviation with a full stop is none, and a single word sounds poor alone. */
const minCharacters = 25;
/** Longer ones are cut at a pause or a space: attention costs the square of a piece's length, and sound waits for it. */
const maxCharacters = 300;

/** What separates the parts of a sentence, with the space behind it. */
const pause = /[,;:—–)\]]\s/gu;

/**
 * Cuts text into sentences.
 *
 * Memory   a copy of the text, and a sentence at a time
 * Cost     linear in the text
 * Source   Unicode Standard Annex 29, section 5, as the JavaScript engine has it
 * @returns pieces without spaces around them, in order; none for a text of nothing but spaces
 */
export function* splitSentences(text: string): Generator<string, void> {
  const segmenter = new Intl.Segmenter(undefined, { granularity: "sentence" });
  const spaced = text.replace(/\s+/gu, (spaces) => (spaces.includes("\n") ? "\n" : " ")).trim();
  for (let begin = 0; begin < spaced.length; ) {
    // The segmenter never sees more than one piece may have: it may take long over a text without sentences.
    const head = spaced.slice(begin, begin + maxCharacters + 1);
    const isLast = begin + head.length === spaced.length;
    const end = sentenceEnd(segmenter.segment(head), head.length, isLast) ?? cuttingPlace(head);
    const piece = head.slice(0, end).trim();
    if (piece !== "") yield piece;
    begin += end;
  }
}

/** Where the first sentence of sufficient length ends, if it does before what is cut off. */
function sentenceEnd(segments: Intl.Segments, length: number, isLast: boolean): number | undefined {
  for (const { index, segment } of segments) {
    const end = index + segment.length;
    if (end === length) return isLast && length <= maxCharacters ? length : undefined;
    if (end >= minCharacters) return end;
  }
  return undefined;
}

/** Behind the last pause, else at the last space, else wherever the piece is full. */
function cuttingPlace(head: string): number {
  const lastPause = [...head.matchAll(pause)].at(-1)?.index;
  if (lastPause !== undefined) return lastPause + 1;
  const lastSpace = Math.max(head.lastIndexOf(" "), head.lastIndexOf("\n"));
  if (lastSpace > 0) return lastSpace;
  // Never between the halves of a character.
  return /[\uD800-\uDBFF]/.test(head.charAt(maxCharacters - 1)) ? maxCharacters - 1 : maxCharacters;
}
