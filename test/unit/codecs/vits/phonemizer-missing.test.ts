import { expect, it, vi } from "vitest";
import { espeakPhonemize } from "../../../../codecs/vits/phonemes";

// What Node does where the optional peer is not installed.
vi.mock("phonemizer", () => {
  throw Object.assign(new Error("Cannot find package 'phonemizer'"), { code: "ERR_MODULE_NOT_FOUND" });
});

it("tells what to install when the phonemizer is not there", async () => {
  const refusal = espeakPhonemize("Hello", "en-us");
  await expect(refusal).rejects.toMatchObject({ name: "TextError", code: "phonemizer-unavailable", text: "Hello" });
  await expect(refusal).rejects.toThrow("run: npm install phonemizer");
});
