import { describe, expect, it, vi } from "vitest";
import { chooseDeviceOn, type Machine, missingPiece, probeDevices } from "../../../src/runtime/devices";
import { type ProbeResult, probeDevice } from "../../../src/runtime/probe-device";
import type { Device } from "../../../src/runtime/runtime";

const fast: ProbeResult = { isWorking: true, milliseconds: 0.2, cpuMilliseconds: 0.5 };
/** SwiftShader on the machine where it was measured. */
const software: ProbeResult = { isWorking: true, milliseconds: 272, cpuMilliseconds: 0.4 };
const crashing: ProbeResult = { isWorking: false, reason: "it crashed (SIGABRT)" };

function machine(results: Partial<Record<Device, ProbeResult>>, hasSignOfGpu = true): Machine & { probed: Device[] } {
  const probed: Device[] = [];
  return {
    probed,
    hasSignOfGpu: () => hasSignOfGpu,
    missingPiece: (device) => (results[device] === undefined ? "not on this machine" : undefined),
    probe: async (device) => {
      probed.push(device);
      return results[device] ?? crashing;
    },
  };
}

describe("auto", () => {
  it("takes a GPU that is faster than the CPU, CUDA before WebGPU", async () => {
    expect((await chooseDeviceOn(machine({ webgpu: fast }))).device).toBe("webgpu");
    const both = machine({ webgpu: fast, cuda: fast });
    expect((await chooseDeviceOn(both)).device).toBe("cuda");
    expect(both.probed).toEqual(["cuda"]);
  });

  it("passes over a software driver, and says so", async () => {
    const { device, notes } = await chooseDeviceOn(machine({ webgpu: software }));
    expect(device).toBe("cpu");
    expect(notes).toEqual([
      "cuda: not on this machine",
      "dml: not on this machine",
      "webgpu: slower than the CPU, 272.0 ms for a small network, one CPU thread 0.4 ms",
      "cpu is taken",
    ]);
  });

  it("goes on after a driver that crashes", async () => {
    const { device, notes } = await chooseDeviceOn(machine({ cuda: crashing, webgpu: fast }));
    expect(device).toBe("webgpu");
    expect(notes[0]).toBe("cuda: it crashed (SIGABRT)");
  });

  it("never takes CoreML, which computes in half precision", async () => {
    expect((await chooseDeviceOn(machine({ coreml: fast }))).device).toBe("cpu");
  });

  it("tries nothing where no GPU shows", async () => {
    const bare = machine({ webgpu: fast }, false);
    expect(await chooseDeviceOn(bare)).toEqual({ device: "cpu", notes: ["no GPU was found: cpu is taken"] });
    expect(bare.probed).toEqual([]);
  });
});

describe("the probe", () => {
  it("runs a device in a process of its own", async () => {
    const result = await probeDevice("cpu");
    expect(result).toMatchObject({ isWorking: true });
  });

  it("gives the reason when a device is not there", async () => {
    const result = await probeDevice("unheard-of" as Device);
    expect(result).toEqual({ isWorking: false, reason: expect.stringContaining("backend not found") });
  });

  it("starts no probe from within a probe", async () => {
    vi.stubEnv("QUANTONE_DEVICE_PROBE", "1");
    expect(await probeDevice("cpu")).toEqual({ isWorking: false, reason: "this process is a probe itself" });
    vi.unstubAllEnvs();
  });

  it("reports every device, with the way to get those that are missing", async () => {
    const reports = await probeDevices();
    expect(reports.map(({ device }) => device)).toEqual(["cuda", "dml", "webgpu", "coreml", "cpu"]);
    for (const { device, isAvailable, detail } of reports) {
      if (missingPiece(device) !== undefined) expect(isAvailable, device).toBe(false);
      expect(detail).toMatch(isAvailable ? /ms for a small network/ : /; to get it, /);
    }
    expect(reports.at(-1)).toMatchObject({ device: "cpu", isAvailable: true });
  });
});
