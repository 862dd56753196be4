/**
 * The beginning of an `.ecdc` file.
 *
 *     0        4         5            9
 *     | "ECDC" | version | J (u32 BE) | J bytes of JSON | payload
 *
 * Version 0 is upstream's: m, al, nc, lm. Version 1 is this package's, for codes that a language model in integers has
 * compressed: upstream's readers refuse it by its number. There `lm` is "integer", `rev` and `lmrev` name the weights of
 * the codec and of the language model, and a CRC-32C of all bytes before it (u32 BE) ends the file.
 *
 * Source   encodec 0.1.1, binary.py and compress.py
 */
import { ContainerError } from "../../errors";
import { assertBytes, MAX_REVISION_LENGTH, requireBytes } from "../limits";

/** The first bytes: "ECDC". */
export const magic = Uint8Array.of(0x45, 0x43, 0x44, 0x43);
const upstreamVersion = 0;
const integerVersion = 1;
const preambleBytes = 9;
/** Published headers have 60 bytes; other writers add fields. */
const maxHeaderBytes = 4096;
/** No model has as many stages. */
const maxCodebooks = 256;

/**
 * How codes are written: packed as they are, or by an arithmetic coder with what a language model expects, in floats as
 * upstream does, or in integers.
 */
export type EcdcCoding =
  | { readonly kind: "packed" }
  | { readonly kind: "float" }
  | { readonly kind: "integer"; readonly revision: string; readonly modelRevision: string };

/** What stands in the JSON. */
export interface EcdcHeader {
  /** The model's published name, such as `encodec_24khz`. */
  readonly model: string;
  /** Samples of each channel. */
  readonly numSamples: number;
  /** Stages in use. */
  readonly numCodebooks: number;
  readonly coding: EcdcCoding;
}

/** Writes the header: without a language model in integers, to the byte as upstream's writer does. */
export function writeEcdcHeader({ model, numSamples, numCodebooks, coding }: EcdcHeader): Uint8Array {
  const fields: [string, string | number | boolean][] = [
    ["m", model],
    ["al", numSamples],
    ["nc", numCodebooks],
    ["lm", coding.kind === "integer" ? "integer" : coding.kind === "float"],
  ];
  if (coding.kind === "integer") fields.push(["rev", coding.revision], ["lmrev", coding.modelRevision]);
  // Python puts a space behind commas and colons.
  const text = fields.map(([key, value]) => `"${key}": ${JSON.stringify(value)}`).join(", ");
  const json = new TextEncoder().encode(`{${text}}`);
  const bytes = new Uint8Array(preambleBytes + json.length);
  bytes.set(magic);
  const view = new DataView(bytes.buffer);
  view.setUint8(4, coding.kind === "integer" ? integerVersion : upstreamVersion);
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
  if (version !== upstreamVersion && version !== integerVersion) {
    const message = `the .ecdc version expected ${upstreamVersion} or ${integerVersion}, got ${version}; write the file with encodec 0.1.1`;
    throw new ContainerError("unsupported-version", message, { byteOffset: 4 });
  }
  const length = view.getUint32(5);
  if (length > maxHeaderBytes) {
    const message = `the header expected at most ${maxHeaderBytes} bytes, got ${length}; the file is damaged: fetch it again`;
    throw new ContainerError("limit-exceeded", message, { byteOffset: 5 });
  }
  const payloadOffset = preambleBytes + length;
  requireBytes(bytes, payloadOffset, "the header of an .ecdc file");
  const fields = parseJson(bytes.subarray(preambleBytes, payloadOffset));
  return { header: checkFields(fields, version), payloadOffset };
}

function parseJson(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw badHeader("JSON", "something else", cause);
  }
}

function checkFields(fields: Readonly<Record<string, unknown>>, version: number): EcdcHeader {
  const { m: model, al: numSamples, nc: numCodebooks, acv } = fields;
  if (acv !== undefined) {
    const message = `the header has "acv", which only other programs' dialects of .ecdc have; write the file with encodec 0.1.1`;
    throw new ContainerError("unsupported-version", message, { byteOffset: preambleBytes });
  }
  if (typeof model !== "string") throw badHeader('a text as "m"', model);
  if (!isCount(numSamples, Number.MAX_SAFE_INTEGER, 0)) throw badHeader('a number of samples as "al"', numSamples);
  if (!isCount(numCodebooks, maxCodebooks, 1)) throw badHeader(`1 to ${maxCodebooks} as "nc"`, numCodebooks);
  return { model, numSamples, numCodebooks, coding: codingOf(fields, version) };
}

function codingOf({ lm, rev, lmrev }: Readonly<Record<string, unknown>>, version: number): EcdcCoding {
  if (version === upstreamVersion) {
    if (typeof lm !== "boolean") throw badHeader('true or false as "lm"', lm);
    return { kind: lm ? "float" : "packed" };
  }
  if (lm !== "integer") throw badHeader('"integer" as "lm"', lm);
  if (!isRevision(rev)) throw badHeader('a revision as "rev"', rev);
  if (!isRevision(lmrev)) throw badHeader('a revision as "lmrev"', lmrev);
  return { kind: "integer", revision: rev, modelRevision: lmrev };
}

function isCount(value: unknown, max: number, min: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

function isRevision(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_REVISION_LENGTH;
}

function badHeader(expected: string, actual: unknown, cause?: unknown): ContainerError {
  const shown = String(JSON.stringify(actual)).slice(0, 40);
  const message = `the header of an .ecdc file expected ${expected}, got ${shown}; the file is damaged: fetch it again`;
  return new ContainerError("bad-header", message, { byteOffset: preambleBytes, cause });
}
