/**
 * Ogg Opus bytes → audio at 48 kHz: the packets from codec-parser, the sound from libopus (opus-decoder), and here what
 * stands between them: the gain, the samples to leave out at both ends, streams that follow one another.
 *
 * Source   RFC 7845 (Ogg encapsulation of Opus), 4.2 to 4.6 and 5.1
 */
import type { CodecFrame, OggPage, OpusHeader } from "codec-parser";
import CodecParser from "codec-parser";
import { OpusDecoder } from "opus-decoder";
import type { ChunkDecoder, DecodedChunk } from "./chunk-decoder";

/** Opus counts samples at 48 kHz, and decodes to it. */
const SAMPLE_RATE = 48_000;

/** What lasts from page to page of one logical stream. */
interface LogicalStream {
  readonly decoder: OpusDecoder;
  /** The header holds it in 1/256 dB. */
  readonly gain: number;
  readonly preSkip: number;
  /** Position of the first sample: above 0 where a recording began in the middle of a broadcast. */
  readonly beginPosition: number;
  numDecoded: number;
}

/** Decodes pages as they come. */
export class OggOpusDecoder implements ChunkDecoder {
  readonly ready = Promise.resolve();
  readonly #parser = new CodecParser<OggPage>("application/ogg", { enableFrameCRC32: false });
  #stream: LogicalStream | undefined;

  async decode(bytes: Uint8Array): Promise<DecodedChunk> {
    return this.#decodePages(this.#parser.parseChunk(bytes));
  }

  async flush(): Promise<DecodedChunk> {
    return this.#decodePages(this.#parser.flush());
  }

  free(): void {
    this.#stream?.decoder.free();
    this.#stream = undefined;
  }

  async #decodePages(pages: Iterator<OggPage>): Promise<DecodedChunk> {
    const parts: DecodedChunk[] = [];
    for (const page of { [Symbol.iterator]: () => pages }) {
      const first = page.codecFrames[0];
      if (first === undefined) continue;
      this.#stream ??= await openStream(page, first);
      parts.push(decodePage(this.#stream, page));
      if (page.isLastPage) this.free();
    }
    return joinParts(parts);
  }
}

async function openStream(page: OggPage, first: CodecFrame): Promise<LogicalStream> {
  const { channels, streamCount, coupledStreamCount, channelMappingTable, preSkip, outputGain } =
    first.header as OpusHeader;
  const decoder = new OpusDecoder({ channels, streamCount, coupledStreamCount, channelMappingTable, preSkip });
  await decoder.ready;
  // The last page may end before its packets do, so it tells nothing about where the first one began.
  const pageSamples = page.codecFrames.reduce((sum, frame) => sum + frame.samples, 0);
  const beginPosition = page.isLastPage ? 0 : Math.max(0, Number(page.absoluteGranulePosition) - pageSamples);
  return { decoder, gain: 10 ** (outputGain / 256 / 20), preSkip, beginPosition, numDecoded: 0 };
}

/** Decodes the packets of one page, and of the last page only what lies before the end of the stream. */
function decodePage(stream: LogicalStream, page: OggPage): DecodedChunk {
  const { decoder, gain, preSkip, beginPosition } = stream;
  const { channelData, samplesDecoded, errors } = decoder.decodeFrames(page.codecFrames.map((frame) => frame.data));
  stream.numDecoded += samplesDecoded;
  const endPosition = Number(page.absoluteGranulePosition) - beginPosition - preSkip;
  const excess = page.isLastPage ? Math.max(0, stream.numDecoded - endPosition) : 0;
  const kept = Math.max(0, samplesDecoded - excess);
  const channels = channelData.map((samples) => samples.subarray(0, kept));
  return {
    channelData: gain === 1 ? channels : channels.map((samples) => samples.map((x) => x * gain)),
    samplesDecoded: kept,
    sampleRate: SAMPLE_RATE,
    errors,
  };
}

function joinParts(parts: readonly DecodedChunk[]): DecodedChunk {
  const numChannels = parts[0]?.channelData.length ?? 0;
  const samplesDecoded = parts.reduce((sum, part) => sum + part.samplesDecoded, 0);
  const channelData = Array.from({ length: numChannels }, () => new Float32Array(samplesDecoded));
  let offset = 0;
  for (const part of parts) {
    for (const [index, samples] of part.channelData.entries()) channelData[index]?.set(samples, offset);
    offset += part.samplesDecoded;
  }
  return { channelData, samplesDecoded, sampleRate: SAMPLE_RATE, errors: parts.flatMap((part) => part.errors) };
}
