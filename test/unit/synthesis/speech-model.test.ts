import { describe, expect, it } from "vitest";
import { type SpeechEngine, SpeechModel } from "../../../src/synthesis/speech-model";

/** Says a sample a sentence. */
function engine(spoken: string[], spellOut?: SpeechEngine["spellOut"]): SpeechEngine {
  return {
    name: "fake",
    sampleRate: 8000,
    numSpeakers: 1,
    ...(spellOut && { spellOut }),
    async speak(sentence) {
      spoken.push(sentence);
      const chunks = (async function* () {
        yield Float32Array.of(0.5);
      })();
      return { chunks, unknown: [], isEmpty: false };
    },
    async dispose() {},
  };
}

describe("SpeechModel", () => {
  const text = "There are two sentences here full-stop The other one is this.";

  it("cuts text into sentences where its engine has written out what is abbreviated", async () => {
    const spoken: string[] = [];
    const model = new SpeechModel(engine(spoken, (written) => written.replace(" full-stop", ".")));
    await model.synthesize(text);
    expect(spoken).toEqual(["There are two sentences here.", "The other one is this."]);
  });

  it("leaves the text of others as it stands", async () => {
    const spoken: string[] = [];
    await new SpeechModel(engine(spoken)).synthesize(text);
    expect(spoken).toEqual([text]);
  });
});
