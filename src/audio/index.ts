/** Audio in and out: reading and writing files, sample rates, channels. The subpath `quantone/audio`. */

export { mixToMono } from "./channels";
export { openAudioFile, readAudioFile, type WrittenWav, writeWavFile } from "./files/audio-files";
export type { AudioFormat } from "./files/audio-format";
export type { ByteSource } from "./files/byte-reader";
export { type DecodeOptions, decodeAudio, type OpenOptions, openAudio } from "./files/open-audio";
export type { WritableSampleFormat } from "./files/sample-formats";
export { type EncodedWav, encodeWav, WavEncoder, type WavOptions } from "./files/wav-writer";
export type { AudioStream, PcmAudio } from "./pcm-audio";
export { resample, StreamingResampler } from "./resample";
