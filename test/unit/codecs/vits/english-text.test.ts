import { describe, expect, it } from "vitest";
import { spellOutEnglish } from "../../../../codecs/vits/english-text";

describe("spellOutEnglish", () => {
  it.each([
    ["Dr. Smith paid $3.50 in 2024.", "Doctor Smith paid 3 dollars and 50 cents in 20 24."],
    ["Mr. and Mrs. X vs. Prof. Y.", "Mr. and Misses X versus Professor Y."],
    ["at St. John's on 21st Ave., then", "at Saint John's on 21st Avenue, then"],
    ["Acme Inc. And then, e.g. at 5 p.m., etc.", "Acme Incorporated. And then, for example at 5 P M, et cetera."],
    ['The U.S. won 3-2 in the "U.S."', 'The U S won 3 2 in the "U S."'],
    ["by J. R. Smith Jr. of no. 7", "by J R Smith Junior of number 7"],
    [
      "€20, £1, £1.01, $2.5 million, $1,250,000.00",
      "20 euros, 1 pound, 1 pound and 1 penny, 2.5 million dollars, 1,250,000 dollars",
    ],
    ["It cost $3.50. He came 21st. She came 1st.", "It cost 3 dollars and 50 cents. He came 21st. She came 1st."],
    ["$2.50 billion or $3 thousand", "2.50 billion dollars or 3 thousand dollars"],
    ["1990s, the 60s, 2000s; since 1984, in 1905", "19 nineties, the sixties, two thousands; since 19 84, in 1905"],
    ["$0.99 or £0.01", "99 cents or 1 penny"],
    ["in 1250 cases, in 1945 he was in his 30s for 30s", "in 1250 cases, in 19 45 he was in his thirties for 30s"],
    ["In 1945 Churchill lost. In 2012 I went.", "In 19 45 Churchill lost. In 20 12 I went."],
    ["Since 1995 there were; in 1998 his father", "Since 19 95 there were; in 19 98 his father"],
    ["the '80s and the late '90s, '70s pop", "the eighties and the late nineties, seventies pop"],
    ["the 50s and 60s", "the fifties and sixties"],
    ["In 1984, the early 60s, the mid-80s", "In 19 84, the early sixties, the mid-eighties"],
    ["10–20 at 10:30, 555-1234", "10 to 20 at 10 30, 555 1234"],
    ["see www.example.com", "see www dot example dot com"],
  ])("%s", (written, spoken) => {
    expect(spellOutEnglish(written)).toBe(spoken);
  });

  it("leaves alone what is read well, and other dots", () => {
    for (const text of ["It is 3.14159 or 12% of 1,000, & more.", "The end. Of it? No! Yes...", "over 2024 men", ""]) {
      expect(spellOutEnglish(text)).toBe(text);
    }
  });

  it("takes time that grows with the text, not with its square", () => {
    // Each would take minutes if a rule looked ahead to the end from everywhere.
    for (const piece of ["a.", "A. ", "$1,", "1-", "St.  ", "no. ", "e. ", "in 1984 ", "the "]) {
      expect(spellOutEnglish(`${piece.repeat(50_000)}b`).length).toBeGreaterThan(0);
    }
  });
});
