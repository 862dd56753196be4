/** WAV files put together by hand, so that tests can break each part of them. */

export interface WavParts {
  readonly form?: string;
  readonly riffBytes?: number;
  readonly tag?: number;
  readonly numChannels?: number;
  readonly sampleRate?: number;
  readonly bits?: number;
  readonly frameBytes?: number;
  readonly dataSize?: number;
  readonly data?: Uint8Array;
  /** Whole chunks between the fmt chunk and the data chunk. */
  readonly between?: Uint8Array;
  readonly after?: Uint8Array;
}

/** A chunk with its header, padded to an even length. */
export function riffChunk(id: string, body: Uint8Array, size = body.length): Uint8Array {
  const bytes = new Uint8Array(8 + body.length + (body.length % 2));
  bytes.set(new TextEncoder().encode(id));
  new DataView(bytes.buffer).setUint32(4, size, true);
  bytes.set(body, 8);
  return bytes;
}

export function joinBytes(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A WAV file of 16-bit mono silence unless the parts say otherwise. */
export function wavBytes(parts: WavParts = {}): Uint8Array {
  const { form = "RIFF", tag = 1, numChannels = 1, sampleRate = 16000, bits = 16 } = parts;
  const data = parts.data ?? new Uint8Array(8);
  const fmt = new DataView(new ArrayBuffer(16));
  fmt.setUint16(0, tag, true);
  fmt.setUint16(2, numChannels, true);
  fmt.setUint32(4, sampleRate, true);
  fmt.setUint16(12, parts.frameBytes ?? numChannels * Math.ceil(bits / 8), true);
  fmt.setUint16(14, bits, true);
  const chunks = joinBytes(
    new TextEncoder().encode("WAVE"),
    riffChunk("fmt ", new Uint8Array(fmt.buffer)),
    parts.between ?? new Uint8Array(0),
    riffChunk("data", data, parts.dataSize ?? data.length),
    parts.after ?? new Uint8Array(0),
  );
  return riffChunk(form, chunks, parts.riffBytes ?? chunks.length);
}
