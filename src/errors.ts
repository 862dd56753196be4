/**
 * Errors for what goes wrong in the world: bytes, files, models, devices.
 *
 * Mistakes of the caller (a wrong type, a value out of range) are `TypeError` and `RangeError`, thrown at the public
 * boundary; they do not live here. Every class below carries a literal `code` and typed fields, so that callers branch
 * on data and never on message text. Messages say what was expected, what came, and what to do next.
 */

/** Marks every error of this package across copies of it: two installed versions still recognise each other's errors. */
const codecErrorBrand: unique symbol = Symbol.for("quantone.CodecError") as never;

/** The base of all errors that this package raises about the world outside the call. */
export abstract class CodecError extends Error {
  /** What went wrong, as a stable identifier. */
  abstract readonly code: string;
  readonly [codecErrorBrand] = true;
}

export type AudioFormatErrorCode =
  | "unsupported-audio"
  | "truncated-audio"
  | "corrupt-audio"
  | "unsupported-channels"
  | "empty-audio";

/** Audio bytes that cannot be read. Converting the input to another format is the way on. */
export class AudioFormatError extends CodecError {
  override readonly name = "AudioFormatError";
  readonly code: AudioFormatErrorCode;
  /** Where in the input the problem was found, in bytes, when it is known. */
  readonly byteOffset: number | undefined;

  constructor(code: AudioFormatErrorCode, message: string, fields: { byteOffset?: number; cause?: unknown } = {}) {
    super(message, { cause: fields.cause });
    this.code = code;
    this.byteOffset = fields.byteOffset;
  }
}

export type ContainerErrorCode =
  | "bad-magic"
  | "unsupported-version"
  | "bad-header"
  | "truncated"
  | "checksum-mismatch"
  | "bad-packet"
  | "limit-exceeded"
  | "trailing-bytes";

/** Container bytes that are foreign, damaged or hostile. A packet reader may skip the packet and go on. */
export class ContainerError extends CodecError {
  override readonly name = "ContainerError";
  readonly code: ContainerErrorCode;
  /** Offset of the first byte that could not be accepted. */
  readonly byteOffset: number;
  /** Which packet it was in, when the fault lies in one. */
  readonly packetIndex: number | undefined;
  /** Whether a reader that passes over damage can go on behind it. */
  readonly isSkippable: boolean;

  constructor(
    code: ContainerErrorCode,
    message: string,
    fields: { byteOffset: number; packetIndex?: number | undefined; isSkippable?: boolean; cause?: unknown },
  ) {
    super(message, { cause: fields.cause });
    this.code = code;
    this.byteOffset = fields.byteOffset;
    this.packetIndex = fields.packetIndex;
    this.isSkippable = fields.isSkippable ?? false;
  }
}

export type TokenErrorCode = "token-out-of-range" | "shape-mismatch" | "codec-mismatch";

/** Tokens that do not fit the codec they were given to. Decode them with the codec that made them. */
export class TokenError extends CodecError {
  override readonly name = "TokenError";
  readonly code: TokenErrorCode;
  readonly expected: string | number;
  readonly actual: string | number;
  readonly frame: number | undefined;
  readonly stage: number | undefined;

  constructor(
    code: TokenErrorCode,
    message: string,
    fields: { expected: string | number; actual: string | number; frame?: number; stage?: number },
  ) {
    super(message);
    this.code = code;
    this.expected = fields.expected;
    this.actual = fields.actual;
    this.frame = fields.frame;
    this.stage = fields.stage;
  }
}

export type CheckpointErrorCode =
  | "truncated"
  | "bad-header"
  | "corrupt"
  | "unsupported-dtype"
  | "unsupported-format"
  | "refused-call"
  | "limit-exceeded"
  | "no-weights"
  | "ambiguous-weights"
  | "closed"
  | "not-found"
  | "offline"
  | "download-failed"
  | "checksum-mismatch";

/** A weights file that is damaged or of a kind that is not read. */
export class CheckpointError extends CodecError {
  override readonly name = "CheckpointError";
  readonly code: CheckpointErrorCode;
  /** The tensor concerned, when there is one. */
  readonly tensor: string | undefined;

  constructor(code: CheckpointErrorCode, message: string, fields: { tensor?: string; cause?: unknown } = {}) {
    super(message, { cause: fields.cause });
    this.code = code;
    this.tensor = fields.tensor;
  }
}

export type ModelErrorCode =
  | "unknown-codec"
  | "unknown-vocoder"
  | "unknown-speech-model"
  | "no-voice-conversion"
  | "features-mismatch"
  | "bad-config"
  | "missing-weights"
  | "weights-checksum"
  | "weights-shape"
  | "non-finite-latents";

/** A model that cannot be put together from the config and weights given, or that gives numbers which are not finite. */
export class ModelError extends CodecError {
  override readonly name = "ModelError";
  readonly code: ModelErrorCode;
  /** Name of the codec, vocoder or speech model. */
  readonly model: string | undefined;
  readonly tensor: string | undefined;

  constructor(
    code: ModelErrorCode,
    message: string,
    fields: { model?: string; tensor?: string; cause?: unknown } = {},
  ) {
    super(message, { cause: fields.cause });
    this.code = code;
    this.model = fields.model;
    this.tensor = fields.tensor;
  }
}

export type TextErrorCode =
  | "nothing-to-say"
  | "unsupported-language"
  | "phonemizer-unavailable"
  | "phonemizer-failed"
  | "romanizer-needed";

/** Text that a speech model cannot say. Another text, language or way to spell it is the way on. */
export class TextError extends CodecError {
  override readonly name = "TextError";
  readonly code: TextErrorCode;
  /** What it is about, at most the beginning of it. */
  readonly text: string;

  constructor(code: TextErrorCode, message: string, fields: { text: string; cause?: unknown }) {
    super(message, { cause: fields.cause });
    this.code = code;
    this.text = fields.text;
  }
}

export type GraphErrorCode = "shape-mismatch" | "foreign-operand" | "unsupported-op" | "duplicate-name";

/** A network that does not fit together: a programming fault in the wiring of blocks, found while it is built. */
export class GraphError extends CodecError {
  override readonly name = "GraphError";
  readonly code: GraphErrorCode;
  /** Path of blocks down to the operation, such as `encoder/stages.1/down`. */
  readonly path: string;

  constructor(code: GraphErrorCode, message: string, fields: { path: string }) {
    super(message);
    this.code = code;
    this.path = fields.path;
  }
}

export type BackendErrorCode = "backend-unavailable" | "session-failed" | "run-failed" | "disposed";

/** A device or provider that is not there or failed. Choosing another backend is the way on. */
export class BackendError extends CodecError {
  override readonly name = "BackendError";
  readonly code: BackendErrorCode;
  /** The device or package asked for, such as `cuda` or `onnxruntime-node`. */
  readonly backend: string;

  constructor(code: BackendErrorCode, message: string, fields: { backend: string; cause?: unknown }) {
    super(message, { cause: fields.cause });
    this.code = code;
    this.backend = fields.backend;
  }
}

/** All errors of this package: `code` tells them apart. */
export type AnyCodecError =
  | AudioFormatError
  | ContainerError
  | TokenError
  | CheckpointError
  | ModelError
  | TextError
  | GraphError
  | BackendError;

/** The classes among `E` that have a code, with that code. */
type WithCode<E extends CodecError, Code> = E extends unknown
  ? Code extends E["code"]
    ? E & { readonly code: Code }
    : never
  : never;

/**
 * Tells whether a value is an error of this package, and of one code if that is asked.
 *
 * It looks at a brand and not at the prototype, so errors of a second installed copy of the package count too.
 *
 * @param error  anything that was caught
 * @param code  when given, only errors with this `code` match
 */
export function isCodecError(error: unknown): error is AnyCodecError;
export function isCodecError<Code extends AnyCodecError["code"]>(
  error: unknown,
  code: Code,
): error is WithCode<AnyCodecError, Code>;
export function isCodecError(error: unknown, code?: string): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    (error as { [codecErrorBrand]?: unknown })[codecErrorBrand] === true &&
    (code === undefined || (error as CodecError).code === code)
  );
}
