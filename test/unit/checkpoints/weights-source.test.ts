/** Every way to say where weights are, with a server on this machine as the hub. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { writeSafetensors } from "../../../src/checkpoints/safetensors";
import { openWeightsSource, type WeightsSource, weightsIn } from "../../../src/checkpoints/weights-source";

const bytes = writeSafetensors(new Map([["w", { dtype: "F32" as const, shape: [3], data: Float32Array.of(1, 2, 3) }]]));

let folder: string;
let cacheFolder: string;
let server: Server;
let origin: string;
let asked: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "quantone-weights-"));
  cacheFolder = join(folder, "cache");
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const isThere = request.url?.includes("/there/") === true;
    response.writeHead(isThere ? 200 : 404).end(isThere ? bytes : undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  vi.stubEnv("HF_ENDPOINT", origin);
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
  vi.unstubAllEnvs();
});

async function read(source: WeightsSource): Promise<Uint8Array> {
  const opened = await openWeightsSource(source, { cacheFolder });
  try {
    return opened.read(0, opened.byteLength).slice();
  } finally {
    opened.close();
  }
}

describe("weights", () => {
  it("are bytes, a Blob or a file", async () => {
    writeFileSync(join(folder, "w.bin"), bytes);
    expect(await read(bytes)).toEqual(bytes);
    expect(await read(new Blob([bytes as Uint8Array<ArrayBuffer>]))).toEqual(bytes);
    expect(await read(join(folder, "w.bin"))).toEqual(bytes);
    expect(asked).toEqual([]);
  });

  it("are the file of that name in a folder, as a hub's clone has it", async () => {
    const clone = join(folder, "clone");
    mkdirSync(clone);
    await expect(read(clone)).rejects.toMatchObject({
      code: "not-found",
      message: `"${clone}" is a folder without model.safetensors or pytorch_model.bin; name the file of weights in it`,
    });
    writeFileSync(join(clone, "pytorch_model.bin"), bytes);
    expect(await read(clone)).toEqual(bytes);
    writeFileSync(join(clone, "model.safetensors"), bytes.subarray(0, 9));
    expect(await read(`${clone}/`)).toEqual(bytes.subarray(0, 9));
  });

  it("are downloaded from a URL, and from the hub with and without its prefix", async () => {
    expect(await read(`${origin}/there/w.th`)).toEqual(bytes);
    expect(await read("hf:owner/there")).toEqual(bytes);
    expect(await read("owner/there")).toEqual(bytes);
    expect(asked).toEqual(["/there/w.th", "/owner/there/resolve/main/model.safetensors"]);
  });

  it("are a path before they are an id of the hub", async () => {
    // A folder of this tree, whose name an owner and a model could have.
    await expect(read("test/golden")).rejects.toMatchObject({ message: expect.stringMatching(/is a folder without/) });
    expect(asked).toEqual([]);
  });

  it.each(["weights/mistyped.th", "./owner/there", "../there", "there", "a/b/there"])(
    "under a path that is not there, such as %s, are not looked for on the hub",
    async (path) => {
      await expect(read(path)).rejects.toMatchObject({ code: "not-found", message: expect.stringContaining(path) });
      expect(asked).toEqual([]);
    },
  );

  it("under an id that the hub does not have either are an error that tells of both", async () => {
    await expect(read("owner/absent")).rejects.toMatchObject({
      name: "CheckpointError",
      code: "not-found",
      message: expect.stringMatching(/^there is no file "owner\/absent", and http.* answers 404; check the address$/),
    });
  });

  it("of other kinds are a mistake of the caller", async () => {
    await expect(openWeightsSource(7 as never)).rejects.toThrow(TypeError);
  });
});

describe("a file in a folder of weights", () => {
  it.each([
    ["lyra", "lyra/decoder.tflite"],
    ["/models/lyra/", "/models/lyra/decoder.tflite"],
    ["hf:owner/model@v2", "hf:owner/model@v2/decoder.tflite"],
    ["https://host/lyra", "https://host/lyra/decoder.tflite"],
  ])("of %s is %s", (given, expected) => {
    expect(weightsIn(given, "decoder.tflite")).toBe(expected);
  });

  it("needs a place and not bytes", () => {
    expect(() => weightsIn(bytes, "decoder.tflite")).toThrow(
      '"weights" expected the folder that "decoder.tflite" is in',
    );
  });
});
