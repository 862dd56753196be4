/** `.ecdc` files equal those of PyPI encodec's writer to the byte, and give back the tokens that went in. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/checkpoints/safetensors";
import { readEcdc, writeEcdc } from "../../src/container/ecdc/index";
import { TokenError } from "../../src/errors";
import type { TokenFrames } from "../../src/tokens/token-frames";
import { containerErrorOf } from "../helpers/container-error";

const folder = join(import.meta.dirname, "ecdc");
const codes = readSafetensors(readFileSync(join(folder, "codes.safetensors"))).tensors;
const files = readdirSync(folder).filter((name) => name.endsWith(".ecdc"));

function read(name: string): { bytes: Uint8Array; tokens: TokenFrames } {
  const numSamples = name.replace(".ecdc", "");
  const tensor = codes.get(numSamples);
  if (tensor === undefined) throw new Error(`no codes for ${name}`);
  const tokens = {
    codec: "encodec-24khz",
    revision: "r",
    sampleRate: 24_000,
    frameRate: 75,
    numSamples: Number(numSamples),
    numChannels: 1,
    numCodebooks: tensor.shape[1] ?? 0,
    codebookSize: 1024,
    codes: Uint16Array.from(tensor.data),
  };
  return { bytes: new Uint8Array(readFileSync(join(folder, name))), tokens };
}

describe.each(files)("%s", (name) => {
  const { bytes, tokens } = read(name);

  it("is what we write", () => {
    expect(Buffer.from(writeEcdc(tokens)).equals(Buffer.from(bytes))).toBe(true);
  });

  it("is what we read", () => {
    expect(readEcdc(bytes, "r")).toEqual(tokens);
    expect(new Set(tokens.codes).size).toBeGreaterThan(15);
  });

  it("is refused when it is cut off anywhere, or longer", () => {
    for (let length = 4; length < bytes.length; length++) {
      const error = containerErrorOf(() => readEcdc(bytes.subarray(0, length), "r"));
      expect(error.code).toBe("truncated");
    }
    const longer = Uint8Array.of(...bytes, 0);
    expect(containerErrorOf(() => readEcdc(longer, "r"))).toMatchObject({
      code: "trailing-bytes",
      byteOffset: bytes.length,
    });
  });

  it("gives tokens or a ContainerError when any byte of the header is another", () => {
    const headerLength = 9 + (bytes[8] ?? 0);
    let numRefused = 0;
    for (let at = 0; at < headerLength; at++) {
      for (const value of [0, 0x22, 0x30, 0x39, 0x7d, 0xff]) {
        const changed = bytes.slice();
        changed[at] = value;
        try {
          readEcdc(changed, "r");
        } catch (error) {
          expect(error).toMatchObject({ name: "ContainerError" });
          numRefused++;
        }
      }
    }
    expect(numRefused).toBeGreaterThan(headerLength * 4);
  });
});

/** A file with a header of one's own and no payload. */
function fileOf(json: string, length: number = json.length): Uint8Array {
  const bytes = new Uint8Array(9 + json.length);
  bytes.set(Buffer.from("ECDC"));
  new DataView(bytes.buffer).setUint32(5, length);
  bytes.set(Buffer.from(json), 9);
  return bytes;
}

describe("a header", () => {
  it.each([
    ["{", "bad-header"],
    ["null", "bad-header"],
    ['{"m": 3, "al": 0, "nc": 1, "lm": false}', "bad-header"],
    ['{"m": "encodec_24khz", "al": -1, "nc": 1, "lm": false}', "bad-header"],
    ['{"m": "encodec_24khz", "al": 1e300, "nc": 1, "lm": false}', "bad-header"],
    ['{"m": "encodec_24khz", "al": 9007199254740991, "nc": 32, "lm": false}', "truncated"],
    ['{"m": "encodec_24khz", "al": 0, "nc": 0, "lm": false}', "bad-header"],
    ['{"m": "encodec_24khz", "al": 0, "nc": 33, "lm": false}', "unsupported-version"],
    ['{"m": "encodec_24khz", "al": 0, "nc": 8, "lm": 0}', "bad-header"],
    ['{"m": "encodec_24khz", "al": 0, "nc": 8, "lm": true}', "unsupported-version"],
    ['{"m": "encodec_24khz", "al": 0, "nc": 8, "lm": true, "acv": 2}', "unsupported-version"],
    ['{"m": "encodec_48khz", "al": 0, "nc": 17, "lm": false}', "unsupported-version"],
    ['{"m": "encodec_48khz", "al": 9007199254740991, "nc": 16, "lm": false}', "truncated"],
    ['{"m": "encodec_32khz", "al": 0, "nc": 8, "lm": false}', "unsupported-version"],
  ])("%s is refused", (json, code) => {
    expect(containerErrorOf(() => readEcdc(fileOf(json), "r")).code).toBe(code);
  });

  it("that claims to be huge is refused before anything is read", () => {
    expect(containerErrorOf(() => readEcdc(fileOf("{}", 0xffff_ffff), "r")).code).toBe("limit-exceeded");
  });

  it("in compact form, as other writers make it, is read", () => {
    const tokens = readEcdc(fileOf('{"m":"encodec_24khz","al":0,"nc":8,"lm":false}'), "r");
    expect(tokens).toMatchObject({ numSamples: 0, numCodebooks: 8 });
  });
});

describe("writeEcdc", () => {
  const { tokens } = read(files[0] ?? "");

  it.each([
    ["of another codec", { codec: "speech-16k" }],
    ["of two channels", { numChannels: 2 }],
    ["that are not the whole signal", { numSamples: 1 }],
    ["out of range", { codes: tokens.codes.map(() => 1024) }],
  ])("refuses tokens %s", (_, changes) => {
    expect(() => writeEcdc({ ...tokens, ...changes })).toThrow(TokenError);
  });
});
