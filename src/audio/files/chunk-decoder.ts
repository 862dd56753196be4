/** What the decoders of compressed formats have in common. */

/** What the decoders give for the bytes they were fed; the first fields mean nothing when no sample came out. */
export interface DecodedChunk {
  readonly channelData: Float32Array[];
  readonly samplesDecoded: number;
  readonly sampleRate: number;
  readonly bitDepth?: number;
  readonly errors: readonly { readonly message: string }[];
}

/** What the decoders have in common. The MP3 decoder answers at once and has no `flush`: it holds nothing back. */
export interface ChunkDecoder {
  readonly ready: Promise<void>;
  decode(bytes: Uint8Array): DecodedChunk | Promise<DecodedChunk>;
  flush?(): Promise<DecodedChunk>;
  free(): void;
}
