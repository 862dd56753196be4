/**
 * Memory of long streams: an hour of audio through encodeStream and decodeStream, resident memory minute by minute.
 *
 *     npm run bench:memory [-- --minutes 60] [-- --json]
 *
 * The figure to look at is the growth from the tenth minute to the last: a stream that kept its samples would grow by
 * 3.8 MB a minute, one that kept its latents by 0.8 MB.
 */
import { parseArgs } from "node:util";
import { loadCodec, type PcmAudio, type TokenFrames } from "../../src/index";
import { speechLike } from "../../test/helpers/synth-audio";
import { machine } from "../harness";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "60" }, json: { type: "boolean" } } });
const minutes = Number(values.minutes);
const sampleRate = 16_000;

/** One-second chunks of a signal that never repeats within the minute. */
function* signal(): Generator<PcmAudio> {
  const minute = speechLike(60 * sampleRate, 1);
  for (let second = 0; second < 60 * minutes; second++) {
    const begin = (second % 60) * sampleRate;
    yield { channels: [minute.subarray(begin, begin + sampleRate)], sampleRate };
  }
}

const residentMegabytes: number[] = [];
let producedSamples = 0;

async function* watched(pieces: AsyncIterable<TokenFrames>): AsyncGenerator<TokenFrames> {
  let frames = 0;
  for await (const piece of pieces) {
    frames += piece.codes.length / piece.numCodebooks;
    if (frames >= 50 * 60 * (residentMegabytes.length + 1)) residentMegabytes.push(process.memoryUsage().rss / 2 ** 20);
    yield piece;
  }
}

await using codec = await loadCodec("speech-16k");
for await (const chunk of codec.decodeStream(watched(codec.encodeStream(signal())))) {
  producedSamples += chunk.channels[0]?.length ?? 0;
}
const growth = (residentMegabytes.at(-1) ?? 0) - (residentMegabytes[Math.min(9, residentMegabytes.length - 1)] ?? 0);
const report = {
  machine: machine(),
  minutes,
  producedSeconds: producedSamples / sampleRate,
  residentMegabytes: residentMegabytes.map(Math.round),
  growthMegabytesAfterTenMinutes: Number(growth.toFixed(1)),
  peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
};
console.log(values.json ? JSON.stringify(report) : report);
