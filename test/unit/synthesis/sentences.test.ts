import { describe, expect, it } from "vitest";
import { splitSentences } from "../../../src/synthesis/sentences";

const split = (text: string) => [...splitSentences(text)];

describe("splitSentences", () => {
  it("gives sentences without the spaces around them", () => {
    expect(
      split("  The first one is here, is it not?   The second one follows!\nAnd a third line without a stop "),
    ).toEqual(["The first one is here, is it not?", "The second one follows!\nAnd a third line without a stop"]);
  });

  it("lets short pieces join the next, so that abbreviations do not end a sentence", () => {
    expect(split("I met Dr. Smith in the old town yesterday. He said no.")).toEqual([
      "I met Dr. Smith in the old town yesterday.",
      "He said no.",
    ]);
  });

  it("has nothing to give for nothing", () => {
    expect(split("")).toEqual([]);
    expect(split(" \n\t ")).toEqual([]);
  });

  it("cuts what is too long at a pause, at a space, or within a word", () => {
    const clauses = Array.from({ length: 40 }, (_, index) => `clause number ${index}`).join(", ");
    const words = Array.from({ length: 90 }, (_, index) => `word${index}`).join(" ");
    for (const [text, end] of [
      [clauses, /,$/],
      [words, /word\d+$/],
    ] as const) {
      const pieces = split(text);
      expect(pieces.length).toBeGreaterThan(1);
      expect(pieces.join(" ")).toBe(text);
      for (const piece of pieces.slice(0, -1)) expect(piece).toMatch(end);
      for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(300);
    }
    const faces = split("😀".repeat(500));
    expect(faces.join("")).toBe("😀".repeat(500));
    for (const piece of faces) expect(piece).toMatch(/^(😀)+$/u);
  });

  it("takes time linear in the text, whatever it is", () => {
    for (const unit of ["a", "a ", ", ", "! ", "\n", "(", "  "]) {
      const pieces = split(unit.repeat(200_000));
      for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(300);
    }
  });
});
