/** What a segment's samples are multiplied by, in front of its codes: f32, big-endian. */
import { ContainerError } from "../../errors";
import { requireBytes } from "../limits";

export const SCALE_BYTES = 4;

/** The bytes of a segment's scale, one or none. */
export function writeScale(scales: Float32Array | undefined): Uint8Array[] {
  return Array.from(scales ?? [], (scale) => {
    const bytes = new Uint8Array(SCALE_BYTES);
    new DataView(bytes.buffer).setFloat32(0, scale);
    return bytes;
  });
}

/** @throws {ContainerError} `truncated`; `bad-packet` when it is no finite number of at least 0 */
export function readScale(bytes: Uint8Array, offset: number): number {
  requireBytes(bytes, offset + SCALE_BYTES, "an .ecdc file");
  const scale = new DataView(bytes.buffer, bytes.byteOffset).getFloat32(offset);
  if (scale >= 0 && scale < Number.POSITIVE_INFINITY) return scale;
  const message = `a segment's scale expected a finite number of at least 0, got ${scale}; the file is damaged: fetch it again`;
  throw new ContainerError("bad-packet", message, { byteOffset: offset });
}
