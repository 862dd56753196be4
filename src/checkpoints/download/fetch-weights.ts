/**
 * A URL -> a whole file on disk.
 *
 * A connection that drops is taken up again where it ended, in this process or in a later one, as long as the server
 * still has the same version of the file (its entity tag); otherwise the download begins anew. What arrives is hashed,
 * and only a file with the hash that was asked for reaches the cache.
 *
 * Source   RFC 9110, sections 13.1.5 (If-Range) and 14 (Range)
 */
import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import { CheckpointError } from "../../errors";
import { hubEndpoint, hubUrls } from "./hub";
import { hashFile, type PartialFile, WeightsCache } from "./weights-cache";

/** Attempts that bring nothing before giving up. */
const maxIdleAttempts = 4;
/** A server that drops every connection after a few bytes must not hold us forever. */
const maxAttempts = 200;
const firstWaitMs = 200;
const maxFileBytes = 32 * 2 ** 30;

/** How to get a file. */
export interface DownloadOptions {
  /** Where downloads are kept; by default `QUANTONE_CACHE`, or `quantone` in the user's cache folder. */
  readonly cacheFolder?: string;
  /** What the file must hash to, in hexadecimal. Give it wherever it is known. */
  readonly sha256?: string;
  /** Whether only the cache may be used; by default if `QUANTONE_OFFLINE` or `HF_HUB_OFFLINE` is set to 1. */
  readonly isOffline?: boolean;
  /** Sent to the host of the URL, and nowhere it redirects to; on the hub by default `HF_TOKEN`. */
  readonly token?: string;
  readonly onProgress?: (progress: { doneBytes: number; totalBytes: number | undefined }) => void;
  readonly signal?: AbortSignal;
}

/**
 * Gets a file from the cache, or from the network into the cache.
 *
 * @param location  an http(s) URL, or `hf:owner/model[@revision][/file]`
 * @returns the path of the file
 * @throws {CheckpointError} `offline`, `not-found`, `download-failed` or `checksum-mismatch`; the signal's reason when
 *                           it was aborted
 * @throws {RangeError} when `location` or `sha256` are not of their form
 */
export async function fetchWeights(location: string, options: DownloadOptions = {}): Promise<string> {
  const urls = location.startsWith("hf:") ? hubUrls(location) : [location];
  if (!urls.every((url) => /^https?:\/\//.test(url) && URL.canParse(url)))
    throw new RangeError(`"location" expected an http(s) URL or hf:..., got "${location}"`);
  const sha256 = options.sha256?.toLowerCase();
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new RangeError(`"sha256" expected 64 hexadecimal digits, got "${sha256}"`);
  }
  const cache = new WeightsCache(options.cacheFolder);
  for (const url of urls) {
    const cached = await cache.find(url, sha256);
    if (cached !== undefined) return cached;
  }
  if (options.isOffline ?? isOfflineByEnvironment()) {
    const problem = `${location} is not in ${cache.folder} and the network is not to be used`;
    throw new CheckpointError("offline", `${problem}; download it once while online`);
  }
  return downloadFirst(urls, cache, sha256, options);
}

/** Downloads the first of several files that the server has. */
async function downloadFirst(
  urls: readonly string[],
  cache: WeightsCache,
  sha256: string | undefined,
  options: DownloadOptions,
): Promise<string> {
  const missing: CheckpointError[] = [];
  for (const url of urls) {
    const partial = await cache.partial(url);
    try {
      await downloadAll(url, partial, options);
      return await cache.store(url, partial, await checkedHash(url, partial, sha256));
    } catch (error) {
      if (!(error instanceof CheckpointError) || error.code !== "not-found") throw error;
      missing.push(error);
    } finally {
      await partial.release();
    }
  }
  throw missing[0];
}

async function checkedHash(url: string, partial: PartialFile, expected: string | undefined): Promise<string> {
  const actual = await hashFile(partial.path);
  if (expected === undefined || actual === expected) return actual;
  await partial.discard();
  const problem = `${url} has the SHA-256 ${actual}, ${expected} was expected`;
  throw new CheckpointError("checksum-mismatch", `${problem}; the file is not the one that is meant, do not use it`);
}

/** Asks until the whole file is there. */
async function downloadAll(url: string, partial: PartialFile, options: DownloadOptions): Promise<void> {
  // The timer wants a signal; this one never fires.
  const signal = options.signal ?? new AbortController().signal;
  let idleAttempts = 0;
  let problem: unknown;
  for (let attempt = 0; attempt < maxAttempts && idleAttempts < maxIdleAttempts; attempt++) {
    signal.throwIfAborted();
    const before = await sizeOf(partial.path);
    try {
      if (await downloadMore(url, partial, before, options)) return;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof CheckpointError) throw error;
      problem = error;
    }
    const hasMore = (await sizeOf(partial.path)) > before;
    idleAttempts = hasMore ? 0 : idleAttempts + 1;
    // An abort ends the wait; the loop then gives its reason.
    if (!hasMore) await wait(firstWaitMs * 2 ** (idleAttempts - 1), undefined, { signal }).catch(() => {});
  }
  const message = `${url} could not be downloaded although it was tried again and again (${reasonOf(problem)}); try again later, what came is kept`;
  throw new CheckpointError("download-failed", message, { cause: problem });
}

/** fetch says "fetch failed" whatever the reason, which is its cause: `ECONNREFUSED`, `ENOTFOUND`. */
function reasonOf(problem: unknown): string {
  if (!(problem instanceof Error)) return "the connection ended early";
  const { code } = Object(problem.cause ?? problem) as NodeJS.ErrnoException;
  return code ?? problem.message;
}

/** One request. Tells whether the file is whole now. */
async function downloadMore(
  url: string,
  partial: PartialFile,
  offset: number,
  { token, onProgress, signal }: DownloadOptions,
): Promise<boolean> {
  const version = offset > 0 ? await partial.readVersion() : undefined;
  // Without a version two halves could be of different files: then all of it is asked for again.
  const range = version === undefined ? {} : { range: `bytes=${offset}-`, "if-range": version };
  const response = await fetch(url, {
    headers: { "accept-encoding": "identity", ...authorization(url, token), ...range },
    ...(signal !== undefined && { signal }),
  });
  try {
    if (response.status === 416) {
      await partial.discard();
      return false;
    }
    checkStatus(url, response);
    const begin = response.status === 206 ? rangeBegin(response, offset) : 0;
    const totalBytes = totalLength(response, begin);
    if ((totalBytes ?? 0) > maxFileBytes) throw tooLarge(url);
    if (begin === 0) await partial.writeVersion(strongTag(response));
    await append(url, response, partial.path, begin, (doneBytes) => onProgress?.({ doneBytes, totalBytes }));
    return totalBytes === undefined || (await sizeOf(partial.path)) === totalBytes;
  } finally {
    // A body that was not wanted would keep its connection.
    if (!response.bodyUsed) await response.body?.cancel();
  }
}

async function append(
  url: string,
  response: Response,
  path: string,
  begin: number,
  onBytes: (doneBytes: number) => void,
): Promise<void> {
  let doneBytes = begin;
  const body = response.body;
  if (body === null) return;
  await pipeline(
    Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]),
    async function* count(chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        doneBytes += chunk.byteLength;
        if (doneBytes > maxFileBytes) throw tooLarge(url);
        yield chunk;
        onBytes(doneBytes);
      }
    },
    createWriteStream(path, { flags: begin === 0 ? "w" : "a" }),
  );
}

/** 5xx and 429 pass and are tried again, as is a dropped connection; the others do not change. */
function checkStatus(url: string, response: Response): void {
  const { status } = response;
  if (response.ok) return;
  if (status >= 500 || status === 429 || status === 408) throw new Error(`the server answers ${status}`);
  const isForbidden = status === 401 || status === 403;
  const next = isForbidden ? "give a token that may read it" : "check the address";
  throw new CheckpointError("not-found", `${url} cannot be had: the server answers ${status}; ${next}`);
}

/** Where the part that came begins, which must be where ours ends. */
function rangeBegin(response: Response, offset: number): number {
  const begin = Number(/^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1]);
  if (begin !== offset) throw new Error(`the server sends bytes from ${begin}, ${offset} were asked for`);
  return begin;
}

function totalLength(response: Response, begin: number): number | undefined {
  if (isEncoded(response)) return undefined;
  // A part of a file is not all of it, even where a part was not asked for.
  const whole = /^bytes .*\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
  if (response.status === 206 && whole !== undefined) return Number(whole);
  const length = response.headers.get("content-length");
  return length === null ? undefined : begin + Number(length);
}

/** Some servers compress although they are asked not to: lengths and ranges are then of what we do not see. */
function isEncoded(response: Response): boolean {
  return (response.headers.get("content-encoding") ?? "identity") !== "identity";
}

/** A weak tag does not promise the same bytes. */
function strongTag(response: Response): string | undefined {
  if (isEncoded(response)) return undefined;
  const tag = response.headers.get("etag");
  return tag === null || tag.startsWith("W/") ? undefined : tag;
}

function authorization(url: string, token: string | undefined): Record<string, string> {
  const isHub = new URL(url).origin === new URL(hubEndpoint()).origin;
  const chosen = token ?? (isHub ? process.env.HF_TOKEN : undefined);
  return chosen === undefined || chosen === "" ? {} : { authorization: `Bearer ${chosen}` };
}

function isOfflineByEnvironment(): boolean {
  return [process.env.QUANTONE_OFFLINE, process.env.HF_HUB_OFFLINE].some((value) => value === "1" || value === "true");
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

function tooLarge(url: string): CheckpointError {
  return new CheckpointError("limit-exceeded", `${url} has more than ${maxFileBytes} bytes; check the address`);
}
