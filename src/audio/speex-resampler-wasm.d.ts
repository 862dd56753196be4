/** The part of the emscripten module that resample.ts calls; the package ships no declarations of its own. */
declare module "@echogarden/speex-resampler-wasm/simd" {
  /** A number that points into the module's memory, in bytes. */
  type Pointer = number;

  export interface SpeexModule {
    /** Views of the memory. A call that allocates may replace them: read them anew after each. */
    readonly HEAPF32: Float32Array;
    readonly HEAPU32: Uint32Array;
    _malloc(numBytes: number): Pointer;
    _speex_resampler_init(
      numChannels: number,
      inputRate: number,
      outputRate: number,
      quality: number,
      error: Pointer,
    ): Pointer;
    _speex_resampler_destroy(state: Pointer): void;
    _speex_resampler_skip_zeros(state: Pointer): number;
    _speex_resampler_get_input_latency(state: Pointer): number;
    /** Reads and writes the lengths at `inputLength` and `outputLength`: room before, used and made after the call. */
    _speex_resampler_process_float(
      state: Pointer,
      channel: number,
      input: Pointer,
      inputLength: Pointer,
      output: Pointer,
      outputLength: Pointer,
    ): number;
  }

  const createModule: () => Promise<SpeexModule>;

  // biome-ignore lint/style/noDefaultExport: it declares what the package exports.
  export default createModule;
}
