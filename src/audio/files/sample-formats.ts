/** Samples as files hold them, interleaved and little-endian, to and from planar floats. */

/** Unsigned 8-bit, signed integers, floats; all little-endian. */
export type SampleFormat = "u8" | "s16" | "s24" | "s32" | "f32" | "f64";
/** The formats that are written. */
export type WritableSampleFormat = "s16" | "s24" | "f32";

export const bytesPerSample: Readonly<Record<SampleFormat, number>> = {
  u8: 1,
  s16: 2,
  s24: 3,
  s32: 4,
  f32: 4,
  f64: 8,
};

const readers: Readonly<Record<SampleFormat, (view: DataView, offset: number) => number>> = {
  u8: (view, offset) => (view.getUint8(offset) - 128) / 128,
  s16: (view, offset) => view.getInt16(offset, true) / 32768,
  s24: (view, offset) => (view.getInt8(offset + 2) * 65536 + view.getUint16(offset, true)) / 8388608,
  s32: (view, offset) => view.getInt32(offset, true) / 2147483648,
  f32: (view, offset) => view.getFloat32(offset, true),
  f64: (view, offset) => view.getFloat64(offset, true),
};

/**
 * Reads interleaved samples into one array a channel.
 *
 * Shapes   `bytes` [T, C] samples of `format`; result [T] for each of C channels; an incomplete last frame is left out
 * Numerics 8, 16 and 24 bits arrive exactly; 32-bit integers and doubles are rounded to float32
 */
export function decodeSamples(bytes: Uint8Array, format: SampleFormat, numChannels: number): Float32Array[] {
  const width = bytesPerSample[format];
  const stride = width * numChannels;
  const length = Math.floor(bytes.length / stride);
  const read = readers[format];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: numChannels }, (_, channel) => {
    const samples = new Float32Array(length);
    let offset = channel * width;
    for (let i = 0; i < length; i++) {
      samples[i] = read(view, offset);
      offset += stride;
    }
    return samples;
  });
}

/**
 * Writes channels as interleaved samples.
 *
 * Shapes   `channels[c]` [T]; `bytes` [T, C] samples of `format`
 * Numerics integers are rounded to the nearest step and held at the ends of the range, so what `decodeSamples` read comes
 *          back exactly; NaN becomes silence. `numClipped` counts samples beyond [-1, 1]; floats are written as they are
 */
export function encodeSamples(
  channels: readonly Float32Array[],
  format: WritableSampleFormat,
): { bytes: Uint8Array; numClipped: number } {
  const width = bytesPerSample[format];
  const stride = width * channels.length;
  const bytes = new Uint8Array((channels[0]?.length ?? 0) * stride);
  const view = new DataView(bytes.buffer);
  const write = writers[format];
  let numClipped = 0;
  for (const [index, samples] of channels.entries()) {
    let offset = index * width;
    for (const sample of samples) {
      write(view, offset, sample);
      if (sample > 1 || sample < -1) numClipped++;
      offset += stride;
    }
  }
  return { bytes, numClipped };
}

const writers: Readonly<Record<WritableSampleFormat, (view: DataView, offset: number, sample: number) => void>> = {
  s16: (view, offset, sample) => view.setInt16(offset, quantizeSample(sample, 32768), true),
  s24: (view, offset, sample) => {
    const step = quantizeSample(sample, 8388608);
    view.setUint16(offset, step & 0xffff, true);
    view.setInt8(offset + 2, step >> 16);
  },
  f32: (view, offset, sample) => view.setFloat32(offset, sample, true),
};

/** The nearest of the steps -scale ... scale - 1. */
function quantizeSample(sample: number, scale: number): number {
  return Math.max(-scale, Math.min(scale - 1, Math.round(sample * scale)));
}
