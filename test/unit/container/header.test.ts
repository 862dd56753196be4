import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { createHeader, readHeader, writeHeader } from "../../../src/container/header";
import { crc32c } from "../../../src/kernels/crc32c";
import { containerErrorOf } from "../../helpers/container-error";
import { makeTokens } from "../../helpers/token-samples";

const format = makeTokens(0);
const fields: readonly unknown[] = ["speech-16k", "r1", 16000, 320, 1, 6, 1024, 256];

/** A preamble and header with a right checksum around any bytes. */
function wrap(body: Uint8Array, version: readonly [number, number] = [1, 0]): Uint8Array {
  const bytes = new Uint8Array(16 + body.length);
  bytes.set([0x89, 0x51, 0x54, 0x4e, 0x0d, 0x0a, 0x1a, 0x0a, ...version, body.length & 0xff, body.length >> 8]);
  bytes.set(body, 12);
  new DataView(bytes.buffer).setUint32(12 + body.length, crc32c(bytes, 0, 12 + body.length), true);
  return bytes;
}

function wrapFields(values: unknown): Uint8Array {
  return wrap(new Packr({ useRecords: false }).pack(values));
}

function withField(index: number, value: unknown): Uint8Array {
  return wrapFields(fields.map((field, at) => (at === index ? value : field)));
}

describe("createHeader", () => {
  it("derives the hop length from the rates", () => {
    expect(createHeader(format, 256, {}).hopLength).toBe(320);
    expect(createHeader({ ...format, sampleRate: 44100, frameRate: 44100 / 512 }, 256, {}).hopLength).toBe(512);
    expect(createHeader({ ...format, sampleRate: 24000, frameRate: 12.5 }, 256, {}).hopLength).toBe(1920);
  });

  it.each([
    ["frameRate", { frameRate: 86, sampleRate: 44100 }],
    ["frameRate", { frameRate: Number.NaN }],
    ["codec", { codec: "" }],
    ["codec", { codec: "with space" }],
    ["revision", { revision: "x".repeat(129) }],
    ["numCodebooks", { numCodebooks: 257 }],
    ["numChannels", { numChannels: 65 }],
    ["codebookSize", { codebookSize: 65537 }],
    ["codebookSize", { codebookSize: 1 }],
    ["sampleRate", { sampleRate: 16000.5, frameRate: 16000.5 }],
  ])("names %s when the caller's value is not allowed: %o", (field, wrong) => {
    expect(() => createHeader({ ...format, ...wrong }, 256, {})).toThrow(RangeError);
    expect(() => createHeader({ ...format, ...wrong }, 256, {})).toThrow(`"${field}" expected`);
  });

  it("refuses packets beyond 1 MiB and text that is not well-formed", () => {
    expect(() => createHeader({ ...format, numCodebooks: 256 }, 65535, {})).toThrow('"framesPerPacket" expected');
    expect(() => createHeader(format, 256, { title: "\ud800" })).toThrow('"metadata.title" expected');
    expect(() => createHeader(format, 0, {})).toThrow('"framesPerPacket" expected');
  });
});

describe("writeHeader and readHeader", () => {
  it("give back every field, and metadata with any keys", () => {
    const metadata = JSON.parse('{"title":"Märchen 🎧","__proto__":"own","":"empty"}');
    const header = createHeader({ ...format, sampleRate: 44100, frameRate: 44100 / 512 }, 777, metadata);
    const read = readHeader(writeHeader(header)).header;
    expect(read).toEqual(header);
    expect(Object.keys(read.metadata)).toEqual(["title", "__proto__", ""]);
    expect(Object.getPrototypeOf(read.metadata)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).own).toBeUndefined();
  });

  it("take 45 bytes for the embedded codec with a revision of eight characters", () => {
    const header = createHeader({ ...format, codec: "speech-16k", revision: "12345678", numCodebooks: 12 }, 256, {});
    expect(writeHeader(header).length).toBe(16 + 35);
  });

  it("refuse metadata that makes the header too long", () => {
    const header = createHeader(format, 256, { text: "x".repeat(65536) });
    expect(() => writeHeader(header)).toThrow('"metadata" expected a header of at most 65535 bytes');
  });
});

describe("readHeader", () => {
  it("reads what this test writes by hand", () => {
    expect(readHeader(wrapFields(fields)).header.numCodebooks).toBe(6);
  });

  it("ignores fields that a later minor version appends", () => {
    const later = wrap(new Packr({ useRecords: false }).pack([...fields, new Map(), 7, ["new", [true, null]]]), [1, 9]);
    expect(readHeader(later).header.codec).toBe("speech-16k");
  });

  it("tells other kinds of file, other versions and damage apart", () => {
    const good = wrapFields(fields);
    const wav = new TextEncoder().encode("RIFF....WAVEfmt ");
    expect(containerErrorOf(() => readHeader(wav))).toMatchObject({ code: "bad-magic", byteOffset: 0 });
    const asText = good.map((byte, at) => (at === 5 ? 0x0d : byte));
    expect(containerErrorOf(() => readHeader(asText))).toMatchObject({ code: "bad-magic", byteOffset: 5 });
    const next = wrap(new Packr({ useRecords: false }).pack(fields), [3, 0]);
    expect(containerErrorOf(() => readHeader(next))).toMatchObject({ code: "unsupported-version", byteOffset: 8 });
    const damaged = good.map((byte, at) => (at === 20 ? byte ^ 1 : byte));
    expect(containerErrorOf(() => readHeader(damaged))).toMatchObject({ code: "checksum-mismatch" });
    for (let length = 0; length < good.length; length++) {
      const error = containerErrorOf(() => readHeader(good.subarray(0, length)));
      expect(error).toMatchObject({ code: "truncated", byteOffset: length });
    }
  });

  it.each([
    ["codec", 0, ["array"]],
    ["codec", 0, "a b"],
    ["revision", 1, null],
    ["sampleRate", 2, 0],
    ["sampleRate", 2, -16000],
    ["sampleRate", 2, 1e300],
    ["hopLength", 3, 1.5],
    ["numChannels", 4, "1"],
    ["numCodebooks", 5, 2 ** 40],
    ["codebookSize", 6, 65537],
    ["framesPerPacket", 7, 65536],
  ])("checks %s by hand (field %i = %o)", (field, index, value) => {
    const error = containerErrorOf(() => readHeader(withField(index, value)));
    expect(error.code).toBe("bad-header");
    expect(error.message).toContain(`"${field}" expected`);
  });

  it.each([
    ["no array", new Map([["codec", "x"]])],
    ["an array that is too short", fields.slice(0, 7)],
    ["metadata that is no map", [...fields, 5]],
    ["metadata of numbers", [...fields, new Map([["a", 5]])]],
    ["packets that are too large", ["c", "r", 16000, 320, 64, 256, 65536, 65535]],
  ])("refuses %s", (_, values) => {
    expect(containerErrorOf(() => readHeader(wrapFields(values))).code).toBe("bad-header");
  });
});
