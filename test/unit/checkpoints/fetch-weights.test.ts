/** Downloads from a server on this machine that drops connections, changes its files and sends wrong bytes. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type DownloadOptions, fetchWeights } from "../../../src/checkpoints/download/fetch-weights";
import { hubUrls, isPlainHubId } from "../../../src/checkpoints/download/hub";
import { openCheckpoint } from "../../../src/checkpoints/open-checkpoint";
import { writeSafetensors } from "../../../src/checkpoints/safetensors";

const weights = writeSafetensors(
  new Map([["w", { dtype: "F32" as const, shape: [50_000], data: new Float32Array(50_000).map((_, i) => i) }]]),
);
const sha256 = createHash("sha256").update(weights).digest("hex");

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

let server: Server;
let url: string;
let cacheFolder: string;
let requests: IncomingMessage[];
let answer: Answer;

/** Answers as a server should, with ranges; when `dropAfter` bytes of the body are on disk the connection is cut. */
function serve(body: Uint8Array, { tag = '"v1"', dropAfter = Number.POSITIVE_INFINITY } = {}): Answer {
  return (request, response) => {
    const begin = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const isPart = begin > 0 && request.headers["if-range"] === tag;
    const part = isPart ? body.subarray(begin) : body;
    const contentRange = isPart ? { "content-range": `bytes ${begin}-${body.length - 1}/${body.length}` } : {};
    response.writeHead(isPart ? 206 : 200, {
      "content-length": part.length,
      ...(tag && { etag: tag }),
      ...contentRange,
    });
    if (part.length <= dropAfter) response.end(part);
    else response.write(part.subarray(0, dropAfter), () => dropWhen(begin + dropAfter, response));
  };
}

/** Cuts a connection when the unfinished file has this length: what was sent later than that would be lost. */
function dropWhen(partialLength: number, response: ServerResponse): void {
  const partial = join(cacheFolder, "partial");
  const timer = setInterval(() => {
    // The client may not have come as far as making the folder, or be done and have moved the file.
    const names = existsSync(partial) ? readdirSync(partial) : [];
    const name = names.find((candidate) => /^[0-9a-f]{64}$/.test(candidate));
    const length = name === undefined ? 0 : (statSync(join(partial, name), { throwIfNoEntry: false })?.size ?? 0);
    if (length < partialLength && !response.destroyed) return;
    clearInterval(timer);
    response.destroy();
  }, 5);
}

function get(options: DownloadOptions = {}): Promise<string> {
  return fetchWeights(url, { cacheFolder, ...options });
}

beforeEach(async () => {
  cacheFolder = mkdtempSync(join(tmpdir(), "quantone-cache-"));
  requests = [];
  answer = serve(weights);
  server = createServer((request, response) => {
    requests.push(request);
    answer(request, response, requests.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.safetensors`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(cacheFolder, { recursive: true, force: true });
  vi.unstubAllEnvs();
});

describe("a download", () => {
  it("gives a file with the bytes, and asks the server once", async () => {
    const progress: number[] = [];
    const path = await get({ sha256, onProgress: ({ doneBytes }) => progress.push(doneBytes) });
    expect(new Uint8Array(readFileSync(path)).every((byte, index) => byte === weights[index])).toBe(true);
    expect(readFileSync(path).length).toBe(weights.length);
    expect(progress.at(-1)).toBe(weights.length);
    expect(await get()).toBe(path);
    expect(requests.length).toBe(1);
  });

  it("opens as a checkpoint, and again without a network", async () => {
    using first = await openCheckpoint(url, { download: { cacheFolder } });
    expect(first.tensors.get("w")?.data[49_999]).toBe(49_999);
    using second = await openCheckpoint(url, { download: { cacheFolder, isOffline: true } });
    expect(second.tensors.get("w")?.data[1]).toBe(1);
  });

  it("goes on where the connection dropped", async () => {
    answer = serve(weights, { dropAfter: 70_000 });
    await get({ sha256 });
    expect(requests.map(({ headers }) => headers.range)).toEqual([undefined, "bytes=70000-", "bytes=140000-"]);
  });

  it("does not take the part of a file that it did not ask for as the whole", async () => {
    answer = (request, response, count) => {
      if (count > 1) return serve(weights)(request, response, count);
      const contentRange = `bytes 0-999/${weights.length}`;
      response.writeHead(206, { "content-length": 1000, "content-range": contentRange, etag: '"v1"' });
      response.end(weights.subarray(0, 1000));
    };
    expect(readFileSync(await get()).length).toBe(weights.length);
    expect(requests[1]?.headers.range).toBe("bytes=1000-");
  });

  it("begins anew when the file changed meanwhile", async () => {
    const older = weights.map((byte) => byte ^ 1);
    answer = (request, response, count) => {
      const version =
        count === 1 ? serve(older, { tag: '"old"', dropAfter: 70_000 }) : serve(weights, { tag: '"new"' });
      version(request, response, count);
    };
    await get({ sha256 });
    expect(requests[1]?.headers["if-range"]).toBe('"old"');
  });

  it("is not pieced together where the server names no version", async () => {
    answer = (request, response, count) => {
      serve(weights, count === 1 ? { tag: "", dropAfter: 70_000 } : { tag: "" })(request, response, count);
    };
    await get({ sha256 });
    expect(requests.map(({ headers }) => headers.range)).toEqual([undefined, undefined]);
  });

  it("from a server that compresses all the same is whole after one request", async () => {
    answer = (_, response) => {
      const body = gzipSync(weights);
      response.writeHead(200, { "content-encoding": "gzip", "content-length": body.length, etag: '"v1"' }).end(body);
    };
    await get({ sha256 });
    expect(requests.length).toBe(1);
  });

  it("that is a page in place of the file says where it lies in the cache", async () => {
    answer = (_, response) => response.writeHead(200).end("<!DOCTYPE html><html>log in</html>");
    const error: Error = await openCheckpoint(url, { download: { cacheFolder } }).catch((caught) => caught);
    expect(error).toMatchObject({ name: "CheckpointError", code: "unsupported-format" });
    const path = /downloaded to (.*): delete it to download it again$/.exec(error.message)?.[1] ?? "";
    rmSync(path);
    answer = serve(weights);
    using checkpoint = await openCheckpoint(url, { download: { cacheFolder } });
    expect(checkpoint.format).toBe("safetensors");
  });

  it("is taken up by a later call", async () => {
    answer = (request, response, count) => {
      if (count === 1) serve(weights, { dropAfter: 70_000 })(request, response, count);
      else response.writeHead(503).end();
    };
    await expect(get({ sha256 })).rejects.toMatchObject({
      code: "download-failed",
      message: expect.stringMatching(/\(the server answers 503\); try again later/),
    });
    answer = serve(weights);
    await get({ sha256 });
    expect(requests.at(-1)?.headers.range).toBe("bytes=70000-");
  });

  it("with wrong bytes is an error, leaves nothing behind and can be made good", async () => {
    const wrong = weights.slice();
    wrong[1000] = 1 ^ (wrong[1000] ?? 0);
    answer = serve(wrong);
    await expect(get({ sha256 })).rejects.toMatchObject({ name: "CheckpointError", code: "checksum-mismatch" });
    expect(readdirSync(cacheFolder, { recursive: true })).toEqual(["partial"]);
    answer = serve(weights);
    await get({ sha256 });
  });

  it("by several at once ends in one whole file", async () => {
    const paths = await Promise.all([get({ sha256 }), get({ sha256 }), get({ sha256 })]);
    expect(new Set(paths).size).toBe(1);
    expect(readdirSync(join(cacheFolder, "partial"))).toEqual([]);
  });

  it("stops with the signal's reason", async () => {
    const controller = new AbortController();
    answer = (request, response, count) => {
      serve(weights, { dropAfter: 1000 })(request, response, count);
      setTimeout(() => controller.abort(new Error("enough")), 5);
    };
    await expect(get({ signal: controller.signal })).rejects.toThrow("enough");
  });

  it("repairs a file in the cache that was cut off", async () => {
    const path = await get();
    truncateSync(path, 100);
    expect(readFileSync(await get()).length).toBe(weights.length);
  });
});

describe("what cannot be had", () => {
  it.each([
    [404, "check the address"],
    [401, "give a token"],
    [403, "give a token"],
  ])("is an error at once for status %i", async (status, next) => {
    answer = (_, response) => response.writeHead(status).end();
    await expect(get()).rejects.toMatchObject({ code: "not-found", message: expect.stringContaining(next) });
    expect(requests.length).toBe(1);
  });

  it("is an error when there is no network to be used", async () => {
    await expect(get({ isOffline: true })).rejects.toMatchObject({ code: "offline" });
    vi.stubEnv("QUANTONE_OFFLINE", "1");
    await expect(get()).rejects.toMatchObject({ code: "offline" });
    expect(requests.length).toBe(0);
  });

  it("is an error of the caller when it is no address or no hash", async () => {
    await expect(fetchWeights("ftp://host/file", { cacheFolder })).rejects.toThrow(RangeError);
    await expect(fetchWeights("http://", { cacheFolder })).rejects.toThrow(RangeError);
    await expect(get({ sha256: "abc" })).rejects.toThrow('"sha256" expected 64 hexadecimal digits, got "abc"');
  });
});

describe("a token", () => {
  it("goes to the host that was named and not where that redirects to", async () => {
    const seen: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      seen.push(request.headers.authorization);
      serve(weights)(request, response, 1);
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    answer = (_, response) => response.writeHead(302, { location: `http://127.0.0.1:${port}/elsewhere` }).end();
    await get({ token: "secret", sha256 });
    other.closeAllConnections();
    other.close();
    expect(requests[0]?.headers.authorization).toBe("Bearer secret");
    expect(seen).toEqual([undefined]);
  });

  it("of the environment goes to the hub alone", async () => {
    vi.stubEnv("HF_TOKEN", "secret");
    await get();
    expect(requests[0]?.headers.authorization).toBeUndefined();
    vi.stubEnv("HF_ENDPOINT", new URL(url).origin);
    await fetchWeights("hf:owner/model@v2/folder/weights.bin", { cacheFolder });
    expect(requests[1]?.url).toBe("/owner/model/resolve/v2/folder/weights.bin");
    expect(requests[1]?.headers.authorization).toBe("Bearer secret");
  });
});

describe("a model on the hub", () => {
  it("is the file that is named, or the first of the usual ones that there is", async () => {
    vi.stubEnv("HF_ENDPOINT", new URL(url).origin);
    answer = (request, response, count) => {
      if (request.url?.endsWith("pytorch_model.bin")) serve(weights)(request, response, count);
      else response.writeHead(404).end();
    };
    const path = await fetchWeights("hf:owner/model", { cacheFolder });
    expect(readFileSync(path).length).toBe(weights.length);
    const asked = ["/owner/model/resolve/main/model.safetensors", "/owner/model/resolve/main/pytorch_model.bin"];
    expect(requests.map((request) => request.url)).toEqual(asked);
    expect(await fetchWeights("hf:owner/model", { cacheFolder })).toBe(path);
    expect(requests.length).toBe(2);
    await expect(fetchWeights("hf:owner/model/other.bin", { cacheFolder })).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringContaining("other.bin"),
    });
    expect(requests.length).toBe(3);
  });

  it("that is not there is told by its first name", async () => {
    vi.stubEnv("HF_ENDPOINT", new URL(url).origin);
    answer = (_, response) => response.writeHead(404).end();
    await expect(fetchWeights("hf:owner/model", { cacheFolder })).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringContaining("model.safetensors"),
    });
  });
});

describe("an id of the hub", () => {
  it("names a file of a model", () => {
    const base = "https://huggingface.co/facebook/encodec_24khz/resolve";
    expect(hubUrls("hf:facebook/encodec_24khz", "https://huggingface.co")).toEqual([
      `${base}/main/model.safetensors`,
      `${base}/main/pytorch_model.bin`,
    ]);
    expect(hubUrls("hf:facebook/encodec_24khz@v2/a/b.bin", "https://huggingface.co")).toEqual([`${base}/v2/a/b.bin`]);
  });

  it.each(["facebook/encodec_24khz", "hf:encodec", "hf:a/b/../c", "hf:a/b?x=1", "hf:a/b@../x"])("is not %s", (id) => {
    expect(() => hubUrls(id)).toThrow(RangeError);
  });

  it.each([
    ["facebook/encodec_24khz", true],
    ["owner/model@v1.0", true],
    ["encodec_24khz", false],
    ["./owner/model", false],
    ["/owner/model", false],
    ["../model", false],
    ["owner/../model", false],
    ["owner/folder/model", false],
    ["weights/encodec_24khz-d7cc33bc.th", false],
    ["weights/MODEL.SAFETENSORS", false],
  ])("without its prefix: %s, %s", (text, isId) => {
    expect(isPlainHubId(text)).toBe(isId);
  });
});
