/** Weights of a codec from wherever they are: the same tokens, the same revision, and each byte read once. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { renameTensors } from "../../codecs/encodec/names";
import { openCheckpoint } from "../../src/checkpoints/open-checkpoint";
import { writeSafetensors } from "../../src/checkpoints/safetensors";
import type { StateDict } from "../../src/checkpoints/state-dict";
import type { WeightsSource } from "../../src/checkpoints/weights-source";
import { codecs, loadCodec } from "../../src/index";
import { loadDefinedCodec } from "../../src/load-codec";
import { readEncodecGolden } from "../helpers/golden-encodec";

const reads = vi.hoisted(() => ({ numBytes: 0 }));
vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  const readSync = (...args: Parameters<typeof fs.readSync>): number => {
    const numRead = fs.readSync(...args);
    reads.numBytes += numRead;
    return numRead;
  };
  return { ...fs, readSync };
});

const golden = readEncodecGolden();
const config: unknown = JSON.parse(readFileSync(join(golden.folder, "config.json"), "utf8"));
const { sampleRate } = golden.config;
const { input = new Float32Array(), tokens: expectedTokens = new Float32Array() } = golden.signals[0] ?? {};
const safetensors = join(golden.folder, "weights.safetensors");

const folder = mkdtempSync(join(tmpdir(), "quantone-codec-weights-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

/** What a codec with these weights makes of the first golden signal. */
async function run(weights: WeightsSource, download: object = {}) {
  const source = { config, weights };
  await using codec = await loadDefinedCodec(codecs, [], source, { device: "cpu", download });
  const tokens = await codec.encode({ channels: [input], sampleRate });
  await codec.decode(tokens);
  return { codes: [...tokens.codes], revision: tokens.revision };
}

async function withServer<T>(listener: RequestListener, use: (origin: string) => Promise<T>): Promise<T> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** The golden weights under other names and changed numbers. */
async function rewritten(change: (weights: StateDict) => StateDict): Promise<Uint8Array> {
  using checkpoint = await openCheckpoint(safetensors);
  return writeSafetensors(change(checkpoint.tensors));
}

function withFirstNumber(weights: StateDict, name: string, change: (value: number) => number): StateDict {
  const tensor = weights.get(name);
  if (tensor === undefined) throw new Error(`no tensor "${name}"`);
  const data = tensor.data.slice();
  data[0] = change(data[0] ?? 0);
  return new Map([...weights, [name, { ...tensor, data }]]);
}

describe("weights of a codec", () => {
  it("give the same tokens and revision from a path, bytes, a Blob, a URL and the hub", async () => {
    const bytes = readFileSync(safetensors);
    const cacheFolder = join(folder, "cache");
    const progress: number[] = [];
    await withServer(
      (_, response) => response.writeHead(200, { "content-length": bytes.length }).end(bytes),
      async (origin) => {
        vi.stubEnv("HF_ENDPOINT", origin);
        const onProgress = ({ doneBytes }: { doneBytes: number }) => progress.push(doneBytes);
        const expected = await run(safetensors);
        expect(expected.codes).toEqual([...expectedTokens]);
        for (const weights of [bytes, new Blob([bytes]), `${origin}/w.safetensors`, "hf:owner/tiny", "owner/tiny"]) {
          expect(await run(weights, { cacheFolder, onProgress })).toEqual(expected);
        }
      },
    );
    expect(progress.at(-1)).toBe(bytes.length);
    // The server is gone: this comes from the cache.
    await run("owner/tiny", { cacheFolder, isOffline: true });
    await expect(run("owner/other", { cacheFolder, isOffline: true })).rejects.toMatchObject({ code: "offline" });
  });

  it("stop being downloaded when the signal says so", async () => {
    const controller = new AbortController();
    const listener: RequestListener = (_, response) => {
      response.writeHead(200, { "content-length": 1_000_000 }).write(new Uint8Array(1000));
      controller.abort(new Error("enough"));
    };
    await withServer(listener, async (origin) => {
      const download = { signal: controller.signal, cacheFolder: join(folder, "stopped") };
      await expect(loadCodec("encodec-24khz", { weights: `${origin}/w.th`, download })).rejects.toThrow("enough");
    });
  });

  it("in a file are read once and no more, both directions together", async () => {
    reads.numBytes = 0;
    expect((await run(safetensors)).codes).toEqual([...expectedTokens]);
    const { size } = statSync(safetensors);
    // Read whole and then by tensor, or with the halves of weight norm read twice, it would be 1.5 to 2 times the size.
    expect(reads.numBytes).toBeGreaterThan(0.9 * size);
    expect(reads.numBytes).toBeLessThan(1.05 * size);
  });
});

describe("the revision", () => {
  it("is that of the codebooks, whatever file and names they come in", async () => {
    const { revision } = await run(safetensors);
    expect(revision).toMatch(/^[0-9a-f]{16}$/);
    expect((await run(join(golden.folder, "weights.th"))).revision).toBe(revision);
    const renamed = join(folder, "renamed.safetensors");
    writeFileSync(renamed, await rewritten(renameTensors));
    expect((await run(renamed)).revision).toBe(revision);
  });

  it("changes with a codeword of any stage, and not with the networks", async () => {
    const { revision } = await run(safetensors);
    const changed = (name: string) =>
      rewritten((weights) => withFirstNumber(weights, name, (value) => value * (1 + 2 ** -20)));
    const lastStage = golden.config.rvq.numCodebooks - 1;
    const codebook = await run(await changed(`quantizer.vq.layers.${lastStage}._codebook.embed`));
    expect(codebook.revision).not.toBe(revision);
    const network = await run(await changed("decoder.model.0.conv.conv.bias"));
    expect(network.revision).toBe(revision);
  });
});
