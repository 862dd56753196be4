import { describe, expect, it } from "vitest";
import { openRuntime, withFallback } from "../../../src/runtime/open-runtime";
import type { Device, Runtime } from "../../../src/runtime/runtime";
import { toyNetwork } from "../../helpers/toy-networks";

describe("openRuntime", () => {
  it("gives the CPU by name", async () => {
    const runtime = await openRuntime({ device: "cpu" });
    expect(runtime.device).toBe("cpu");
    expect(runtime.name).toMatch(/^onnxruntime-node \d+\.\d+\.\d+$/);
    expect(runtime.notes).toEqual([]);
  });

  it("says what it took when the choice is its own", async () => {
    const runtime = await openRuntime();
    expect(runtime.notes.at(-1)).toContain(`${runtime.device} is taken`);
  });

  const elsewhere: Device = process.platform === "win32" ? "coreml" : "dml";
  const notInstalled: [Device, RegExp][] = [
    [elsewhere, new RegExp(`does not have it on ${process.platform}/${process.arch}; to get it, use (macOS|Windows)`)],
    ["cuda", /ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node/],
  ];
  it.each(notInstalled)("tells how to get %s, which is not here", async (device, message) => {
    // The tests' own installation leaves out CUDA (.npmrc); a machine that has it would have to skip that case.
    await expect(openRuntime({ device })).rejects.toThrow(
      expect.objectContaining({
        name: "BackendError",
        code: "backend-unavailable",
        backend: device,
        message: expect.stringMatching(message),
      }),
    );
  });

  it("refuses options that mean nothing", async () => {
    await expect(openRuntime({ device: "gpu" as Device })).rejects.toThrow(
      new RangeError('"device" expected one of auto, cpu, webgpu, cuda, dml, coreml, got "gpu"'),
    );
    for (const numThreads of [0, -1, 1.5, Number.NaN]) {
      await expect(openRuntime({ device: "cpu", numThreads })).rejects.toThrow(RangeError);
    }
  });
});

describe("a runtime that chose its device itself", () => {
  it("goes to the CPU with a model that its device cannot load, and notes it", async () => {
    const cpu = await openRuntime({ device: "cpu" });
    const broken: Runtime = {
      name: "broken",
      device: "webgpu",
      notes: ["webgpu is taken"],
      createSession: () => Promise.reject(new Error("out of memory")),
    };
    const runtime = withFallback(broken, cpu);
    await using session = await runtime.createSession(toyNetwork("offline").bytes);
    expect(session.device).toBe("cpu");
    expect(runtime.notes).toEqual(["webgpu is taken", "cpu is taken for a model: out of memory"]);
  });
});
