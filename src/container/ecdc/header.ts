/**
 * The beginning of an `.ecdc` file.
 *
 *     0        4         5            9
 *     | "ECDC" | version | J (u32 BE) | J bytes of JSON: m, al, nc, lm | payload
 *
 * Source   encodec 0.1.1, binary.py and compress.py
 */
import { ContainerError } from "../../errors";
import { assertBytes, requireBytes } from "../limits";

/** The first bytes: "ECDC". */
export const magic = Uint8Array.of(0x45, 0x43, 0x44, 0x43);
const formatVersion = 0;
const preambleBytes = 9;
/** Published headers have 60 bytes; other writers add fields. */
const maxHeaderBytes = 4096;
/** No model has as many stages. */
const maxCodebooks = 256;

/** What stands in the JSON. */
export interface EcdcHeader {
  /** The model's published name, such as `encodec_24khz`. */
  readonly model: string;
  /** Samples of each channel. */
  readonly numSamples: number;
  /** Stages in use. */
  readonly numCodebooks: number;
  /** Whether a language model and an arithmetic coder wrote the payload. */
  readonly hasLanguageModel: boolean;
}

/** Writes the header, to the byte as upstream's writer does. */
export function writeEcdcHeader({ model, numSamples, numCodebooks, hasLanguageModel }: EcdcHeader): Uint8Array {
  // Python puts a space behind commas and colons.
  const fields = [`"m": "${model}"`, `"al": ${numSamples}`, `"nc": ${numCodebooks}`, `"lm": ${hasLanguageModel}`];
  const json = new TextEncoder().encode(`{${fields.join(", ")}}`);
  const bytes = new Uint8Array(preambleBytes + json.length);
  bytes.set(magic);
  const view = new DataView(bytes.buffer);
  view.setUint8(4, formatVersion);
  view.setUint32(5, json.length);
  bytes.set(json, preambleBytes);
  return bytes;
}

/**
 * Reads a header; the payload begins at `payloadOffset`.
 *
 * @throws {TypeError} when `bytes` is no Uint8Array
 * @throws {ContainerError} `bad-magic`, `unsupported-version`, `limit-exceeded`, `truncated` or `bad-header`
 */
export function readEcdcHeader(bytes: Uint8Array): { header: EcdcHeader; payloadOffset: number } {
  assertBytes(bytes, "bytes");
  if (magic.some((value, at) => bytes[at] !== value)) {
    throw new ContainerError("bad-magic", 'an .ecdc file begins with "ECDC", and these bytes do not; check the file', {
      byteOffset: 0,
    });
  }
  requireBytes(bytes, preambleBytes, "the beginning of an .ecdc file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint8(4);
  if (version !== formatVersion) {
    const message = `the .ecdc version expected ${formatVersion}, got ${version}; write the file with encodec 0.1.1`;
    throw new ContainerError("unsupported-version", message, { byteOffset: 4 });
  }
  const length = view.getUint32(5);
  if (length > maxHeaderBytes) {
    const message = `the header expected at most ${maxHeaderBytes} bytes, got ${length}; the file is damaged: fetch it again`;
    throw new ContainerError("limit-exceeded", message, { byteOffset: 5 });
  }
  const payloadOffset = preambleBytes + length;
  requireBytes(bytes, payloadOffset, "the header of an .ecdc file");
  return { header: checkFields(parseJson(bytes.subarray(preambleBytes, payloadOffset))), payloadOffset };
}

function parseJson(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw badHeader("JSON", "something else", cause);
  }
}

function checkFields(fields: Readonly<Record<string, unknown>>): EcdcHeader {
  const { m: model, al: numSamples, nc: numCodebooks, lm: hasLanguageModel, acv } = fields;
  if (acv !== undefined) {
    const message = `the header has "acv", which only other programs' dialects of .ecdc have; write the file with encodec 0.1.1`;
    throw new ContainerError("unsupported-version", message, { byteOffset: preambleBytes });
  }
  if (typeof model !== "string") throw badHeader('a text as "m"', model);
  if (!isCount(numSamples, Number.MAX_SAFE_INTEGER, 0)) throw badHeader('a number of samples as "al"', numSamples);
  if (!isCount(numCodebooks, maxCodebooks, 1)) throw badHeader(`1 to ${maxCodebooks} as "nc"`, numCodebooks);
  if (typeof hasLanguageModel !== "boolean") throw badHeader('true or false as "lm"', hasLanguageModel);
  return { model, numSamples, numCodebooks, hasLanguageModel };
}

function isCount(value: unknown, max: number, min: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

function badHeader(expected: string, actual: unknown, cause?: unknown): ContainerError {
  const shown = String(JSON.stringify(actual)).slice(0, 40);
  const message = `the header of an .ecdc file expected ${expected}, got ${shown}; the file is damaged: fetch it again`;
  return new ContainerError("bad-header", message, { byteOffset: preambleBytes, cause });
}
