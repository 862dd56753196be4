/** What every kernel in WebAssembly needs: its module, and addresses in the memory that it works in. */

const PAGE_BYTES = 65536;
const CACHE_LINE_BYTES = 64;

/**
 * The module, if the platform takes 128-bit SIMD and lets us compile; some KB compile at once, on any thread.
 *
 * @returns `null` where the platform cannot take it
 */
export function compileWasm(base64: string): WebAssembly.Module | null {
  if (typeof WebAssembly === "undefined") return null;
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  try {
    // A platform without SIMD finds the bytes invalid. A page whose policy forbids WebAssembly throws on compiling.
    return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : null;
  } catch {
    return null;
  }
}

/** Hands out addresses one after the other, each on a cache line of its own; then a memory that has them all. */
export class MemoryLayout {
  #size = CACHE_LINE_BYTES;

  take(bytes: number): number {
    const at = this.#size;
    this.#size = roundUp(at + bytes, CACHE_LINE_BYTES);
    return at;
  }

  createMemory(): WebAssembly.Memory {
    return new WebAssembly.Memory({ initial: Math.ceil(this.#size / PAGE_BYTES) });
  }
}

/** The next multiple of `multiple`. */
export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
