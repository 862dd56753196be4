import { describe, expect, it } from "vitest";
import {
  ContainerReader,
  type Damage,
  readContainerStream,
  recoverContainer,
  writeContainer,
} from "../../../src/container/index";
import { concatTokenFrames } from "../../../src/tokens/concat-token-frames";
import type { TokenFrames } from "../../../src/tokens/token-frames";
import { makeTokens } from "../../helpers/token-samples";

const tokens = makeTokens(730, { paddingSamples: 33 });
const bytes = writeContainer(tokens, { framesPerPacket: 100 });

function* chunksOf(file: Uint8Array, length: number): Generator<Uint8Array> {
  // A buffer of its own for each chunk: views into one file would hide reads past the end of a chunk.
  for (let at = 0; at < file.length; at += length) yield file.slice(at, at + length);
}

async function collect(pieces: AsyncIterable<TokenFrames>): Promise<TokenFrames[]> {
  const collected: TokenFrames[] = [];
  for await (const piece of pieces) collected.push(piece);
  return collected;
}

describe("readContainerStream", () => {
  it.each([1, 2, 7, 100, 509, 4096, 1_000_000])("gives the same tokens for chunks of %i bytes", async (length) => {
    const pieces = await collect(readContainerStream(chunksOf(bytes, length)));
    expect(pieces.length).toBe(8);
    expect(concatTokenFrames(pieces)).toEqual(tokens);
  });

  it("gives a packet as soon as its last byte has come", async () => {
    let numRead = 0;
    async function* slowly() {
      for (const chunk of chunksOf(bytes, 1)) {
        numRead++;
        yield chunk;
      }
    }
    const reader = await ContainerReader.open(slowly());
    const atHeader = numRead;
    const iterator = reader[Symbol.asyncIterator]();
    const first = await iterator.next();
    const length = bytes[atHeader + 3] ?? 0;
    expect(atHeader).toBe(16 + (bytes[10] ?? 0));
    expect(numRead).toBe(atHeader + 16 + length + 256 * (bytes[atHeader + 4] ?? 0));
    expect(first.value?.codes).toEqual(tokens.codes.slice(0, 400));
    await iterator.return(undefined);
  });

  it("raises the error of the one-shot reader", async () => {
    const damaged = bytes.slice();
    damaged[300] = (damaged[300] ?? 0) ^ 1;
    await expect(collect(readContainerStream(chunksOf(damaged, 64)))).rejects.toMatchObject({
      code: "checksum-mismatch",
      packetIndex: 0,
    });
    await expect(collect(readContainerStream(chunksOf(bytes.subarray(0, 500), 64)))).rejects.toMatchObject({
      code: "truncated",
      byteOffset: 500,
    });
    await expect(collect(readContainerStream([]))).rejects.toMatchObject({ code: "truncated", byteOffset: 0 });
    const decoded = ["text"] as unknown as Uint8Array[];
    await expect(collect(readContainerStream(decoded))).rejects.toThrow('"chunk" expected a Uint8Array');
    const text = new TextEncoder().encode("hello");
    await expect(collect(readContainerStream([text]))).rejects.toMatchObject({ code: "bad-magic" });
  });

  it.each([1, 333, 1_000_000])("recovers the same as the one-shot reader (chunks of %i)", async (length) => {
    const damaged = bytes.slice();
    for (const at of [700, 1500, 1510, bytes.length - 300]) damaged[at] = (damaged[at] ?? 0) ^ 0xff;
    const expected = recoverContainer(damaged);
    expect(expected.damage.length).toBeGreaterThan(1);
    const reported: Damage[] = [];
    const pieces = await collect(
      readContainerStream(chunksOf(damaged, length), { onDamage: (damage) => reported.push(damage) }),
    );
    expect(concatTokenFrames(pieces)).toEqual(expected.tokens);
    expect(reported.map(({ error: _, ...rest }) => rest)).toEqual(expected.damage.map(({ error: _, ...rest }) => rest));
  });

  it("closes its source when the reader stops, and when the header is bad", async () => {
    let numClosed = 0;
    function* closing(file: Uint8Array) {
      try {
        yield* chunksOf(file, 50);
      } finally {
        numClosed++;
      }
    }
    for await (const _ of readContainerStream(closing(bytes))) break;
    expect(numClosed).toBe(1);
    await expect(ContainerReader.open(closing(new Uint8Array(100)))).rejects.toMatchObject({ code: "bad-magic" });
    expect(numClosed).toBe(2);
  });
});
