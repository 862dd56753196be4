import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { InferenceSession } from "onnxruntime-node";
import { afterEach, describe, expect, it, vi } from "vitest";
import { NetworkSession } from "../../../src/runtime/network-session";
import { openRuntime } from "../../../src/runtime/open-runtime";
import { maxDifference } from "../../helpers/golden";
import { type RunOptions, runNetwork } from "../../helpers/run-network";
import { noise } from "../../helpers/synth-audio";
import { toyNetwork } from "../../helpers/toy-networks";

const cpu = await openRuntime({ device: "cpu" });
const feed = (numFrames = 2, channels = 4) => {
  return { x: { data: noise(numFrames * channels, 3), shape: [1, numFrames, channels] } };
};

afterEach(() => {
  vi.restoreAllMocks();
});

describe("sessions of one model", () => {
  it("share it, and free it after the last of them", async () => {
    const create = vi.spyOn(InferenceSession, "create");
    const model = toyNetwork("offline").bytes;
    const first = await cpu.createSession(model);
    const second = await cpu.createSession(model.slice());
    const other = await cpu.createSession(toyNetwork("offline", 4, 9).bytes);
    expect(create).toHaveBeenCalledTimes(2);

    await first.dispose();
    const { y } = await second.run(feed());
    expect(y?.shape).toEqual([1, 2, 4]);
    await second.dispose();
    await other.dispose();

    await (await cpu.createSession(model)).dispose();
    expect(create).toHaveBeenCalledTimes(3);
  });

  it("are opened once even when asked for at the same time", async () => {
    const create = vi.spyOn(InferenceSession, "create");
    const model = toyNetwork("offline").bytes;
    const sessions = await Promise.all([cpu.createSession(model), cpu.createSession(model)]);
    expect(create).toHaveBeenCalledTimes(1);
    for (const session of sessions) await session.dispose();
  });

  it("are not shared between numbers of threads", async () => {
    const create = vi.spyOn(InferenceSession, "create");
    const model = toyNetwork("offline").bytes;
    const twoThreads = await openRuntime({ device: "cpu", numThreads: 2 });
    await using _one = await cpu.createSession(model);
    await using _two = await twoThreads.createSession(model);
    expect(create).toHaveBeenCalledTimes(2);
  });
});

describe("a session", () => {
  const disposed = expect.objectContaining({ name: "BackendError", code: "disposed" });

  it("is refused after its disposal, and by `using`", async () => {
    const session = await cpu.createSession(toyNetwork("offline").bytes);
    await session.dispose();
    await session.dispose();
    await expect(session.run(feed())).rejects.toThrow(disposed);

    let kept: NetworkSession | undefined;
    {
      await using scoped = await NetworkSession.create(cpu, toyNetwork("streaming"));
      kept = scoped;
    }
    await expect(kept.openStream().run(feed())).rejects.toThrow(disposed);
  });

  it("ends the calls under way before it is freed", async () => {
    const session = await cpu.createSession(toyNetwork("offline").bytes);
    const call = session.run(feed());
    const disposal = session.dispose();
    await expect(call).resolves.toHaveProperty("y");
    await disposal;
  });

  it("is a typed error when the model or the call is broken", async () => {
    await expect(cpu.createSession(new Uint8Array(100))).rejects.toThrow(
      expect.objectContaining({ name: "BackendError", code: "session-failed", backend: "cpu" }),
    );
    await using session = await cpu.createSession(toyNetwork("offline").bytes);
    await expect(session.run(feed(2, 5))).rejects.toThrow(
      expect.objectContaining({ name: "BackendError", code: "run-failed" }),
    );
  });
});

describe("a network session", () => {
  it("checks what it is fed", async () => {
    await using session = await NetworkSession.create(cpu, toyNetwork("offline"));
    const refused: [Parameters<NetworkSession["run"]>[0], string][] = [
      [{}, "got nothing"],
      [feed(2, 5), '"x" of toy expected [B, F, 4], got [1, 2, 5] with 10 numbers'],
      [feed(0), "got [1, 0, 4]"],
      [{ x: { data: new Float32Array(8), shape: [2, 4] } }, "got [2, 4]"],
      [{ x: { data: new Float32Array(7), shape: [1, 2, 4] } }, "with 7 numbers"],
    ];
    for (const [inputs, message] of refused) {
      await expect(session.run(inputs)).rejects.toThrow(
        expect.objectContaining({ name: "TypeError", message: expect.stringContaining(message) }),
      );
    }
  });

  it("keeps to its form", async () => {
    await using offline = await NetworkSession.create(cpu, toyNetwork("offline"));
    await using streaming = await NetworkSession.create(cpu, toyNetwork("streaming"));
    expect(() => offline.openStream()).toThrow(TypeError);
    await expect(streaming.run(feed())).rejects.toThrow(TypeError);
    expect(streaming.device).toBe("cpu");
  });

  it("batches signals without mixing them", async () => {
    await using session = await NetworkSession.create(cpu, toyNetwork("offline"));
    const [one, two] = [noise(12, 5), noise(12, 6)];
    const together = await session.run({ x: { data: new Float32Array([...one, ...two]), shape: [2, 3, 4] } });
    const alone = await session.run({ x: { data: two, shape: [1, 3, 4] } });
    expect(together.y?.data.slice(12)).toEqual(alone.y?.data);
  });
});

describe("a stream", () => {
  it("is independent of the others, and starts anew after reset", async () => {
    await using session = await NetworkSession.create(cpu, toyNetwork("streaming"));
    const [stream, other] = [session.openStream(), session.openStream()];
    const first = await stream.run(feed());
    expect(Object.keys(first)).toEqual(["y"]);
    const second = await stream.run(feed());
    expect(second).not.toEqual(first);
    expect(await other.run(feed())).toEqual(first);
    stream.reset();
    expect(await stream.run(feed())).toEqual(first);
  });

  it("takes one call at a time, and keeps its state when a call fails", async () => {
    await using session = await NetworkSession.create(cpu, toyNetwork("streaming"));
    const stream = session.openStream();
    const call = stream.run(feed());
    await expect(stream.run(feed())).rejects.toThrow("expected one call at a time");
    await call;
    const other = session.openStream();
    await other.run(feed());
    await expect(stream.run(feed(2, 5))).rejects.toThrow(TypeError);
    expect(await stream.run(feed())).toEqual(await other.run(feed()));
  });

  it("gives the same numbers to the last bit, whatever the blocks and threads", async () => {
    // 384 channels: wider and deeper than the tiles that the matrix product works in. In the offline form, too.
    const channels = 384;
    const signal = noise(60 * channels, 4);
    const run = async (form: "offline" | "streaming", options: RunOptions) =>
      (await runNetwork(toyNetwork(form, channels), signal, channels, options)).y ?? new Float32Array();
    const expected = await run("offline", {});
    expect(expected.length).toBe(signal.length);
    for (const blocks of [[1], [2, 5, 13, 1], [7], [60]]) {
      expect(maxDifference(await run("streaming", { blocks }), expected), `blocks of ${blocks}`).toBe(0);
    }
    // As 1-D Conv nodes the same network differs by 3e-6 between blocks of 1 and of 50: enough to flip a token.
    expect(maxDifference(await run("streaming", { blocks: [25], numThreads: 2 }), expected)).toBe(0);
    expect(maxDifference(await run("offline", { numThreads: 2 }), expected)).toBe(0);
  });
});

describe("memory", () => {
  it("does not grow with models that are loaded, run and disposed", { timeout: 120_000 }, async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    const { bytes, ...network } = toyNetwork("streaming", 512);
    const load = async (round: number) => {
      // Another number in the midst of the weights is another model, so that none is shared.
      const model = bytes.slice();
      model[Math.floor(model.length / 2)] = round;
      await using session = await NetworkSession.create(cpu, { ...network, bytes: model });
      await session.openStream().run(feed(2, 512));
    };
    const residentMegabytes = () => {
      collectGarbage();
      return process.memoryUsage().rss / 2 ** 20;
    };
    // Allocators and caches reach their working size in the first rounds.
    for (let round = 0; round < 10; round++) await load(round);
    const before = residentMegabytes();
    for (let round = 10; round < 60; round++) await load(round);
    const growth = residentMegabytes() - before;
    // 50 models of 4 MB, packed by the runtime once more. Kept, they score 330; disposed, 12 to 60, after 600 rounds too.
    expect(growth).toBeLessThan(150);
  });
});
