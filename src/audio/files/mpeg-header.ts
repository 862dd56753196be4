/** The one thing about an MP3 that its decoder does not tell: whether it is mono. */
import { concatBytes } from "../../kernels/concat";

const ID3_HEADER_BYTES = 10;

/**
 * Looks for the first MPEG audio frame header in a file that comes piece by piece, past an ID3 tag of any size.
 *
 * Source   ISO 11172-3, 2.4.1.3 (frame header); ID3v2.4, 3.1 (tag header)
 */
export class MpegHeaderScan {
  /** Bytes of an ID3 tag still to pass over. */
  #skipBytes = 0;
  /** Bytes before that may be the beginning of a header. */
  #tail = new Uint8Array(0);
  #numChannels: number | undefined;

  /** 1 or 2 once the header was found. */
  get numChannels(): number | undefined {
    return this.#numChannels;
  }

  push(next: Uint8Array): void {
    if (this.#numChannels !== undefined) return;
    const bytes = concatBytes([this.#tail, next]);
    let at = 0;
    while (at + ID3_HEADER_BYTES <= bytes.length) {
      const skipped = Math.min(this.#skipBytes, bytes.length - at);
      if (skipped > 0) {
        this.#skipBytes -= skipped;
        at += skipped;
      } else if (isId3(bytes, at)) {
        this.#skipBytes = ID3_HEADER_BYTES + synchsafe(bytes, at + 6);
      } else if (isMpegFrameHeader(bytes, at)) {
        this.#numChannels = (bytes[at + 3] as number) >> 6 === 3 ? 1 : 2;
        return;
      } else {
        at++;
      }
    }
    this.#tail = bytes.slice(at);
  }
}

/** Whether an MPEG audio frame of layers 1 to 3 can begin here; layer 0 would be AAC. */
export function isMpegFrameHeader(bytes: Uint8Array, offset: number): boolean {
  const [sync = 0, kind = 0, rates = 0] = bytes.subarray(offset, offset + 3);
  const isSync = sync === 0xff && (kind & 0xe0) === 0xe0;
  const hasVersionAndLayer = (kind & 0x18) !== 0x08 && (kind & 0x06) !== 0;
  return isSync && hasVersionAndLayer && rates >> 4 !== 15 && ((rates >> 2) & 3) !== 3;
}

function isId3(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset] === 0x49 && bytes[offset + 1] === 0x44 && bytes[offset + 2] === 0x33;
}

/** Four bytes of seven bits each, the highest first. */
function synchsafe(bytes: Uint8Array, offset: number): number {
  return [0, 1, 2, 3].reduce((value, index) => value * 128 + ((bytes[offset + index] as number) & 127), 0);
}
