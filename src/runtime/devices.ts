/** Which devices there are, and which one `auto` takes. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { resolveOnnxRuntime } from "./onnxruntime-package";
import { type ProbeResult, probeDevice } from "./probe-device";
import type { Device } from "./runtime";

/** Every device there is a name for, in the order that `auto` tries them; the CPU is always there. */
const devices: readonly Device[] = ["cuda", "dml", "webgpu", "coreml", "cpu"];

/** What a device is good for here. */
export interface DeviceReport {
  readonly device: Device;
  readonly isAvailable: boolean;
  /** One line: how fast it ran, or why it is not there and how to get it. */
  readonly detail: string;
}

interface Requirement {
  /** Systems that onnxruntime-node is built with the device for, as `platform/architecture`. */
  readonly systems: readonly string[];
  readonly howToGet: string;
}

const requirements: Record<Exclude<Device, "cpu">, Requirement> = {
  cuda: {
    systems: ["linux/x64"],
    howToGet:
      "install an NVIDIA driver, CUDA 12 and cuDNN 9 on Linux (x64), then run: ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node",
  },
  webgpu: {
    systems: ["linux/x64", "darwin/x64", "darwin/arm64", "win32/x64", "win32/arm64"],
    howToGet: "install the driver of the GPU (on Linux, x64 only, also the Vulkan loader, Debian package libvulkan1)",
  },
  dml: { systems: ["win32/x64", "win32/arm64"], howToGet: "use Windows 10 or later with a DirectX 12 GPU" },
  coreml: { systems: ["darwin/x64", "darwin/arm64"], howToGet: "use macOS" },
};

/** What to do when a device is missing, for messages. */
export function howToGet(device: Device): string {
  return device === "cpu" ? "reinstall onnxruntime-node" : requirements[device].howToGet;
}

/**
 * Why a device cannot be there, from what lies on the disk alone: nothing is loaded or run.
 * `undefined` when nothing speaks against it.
 */
export function missingPiece(device: Device): string | undefined {
  if (device === "cpu") return undefined;
  const system = `${process.platform}/${process.arch}`;
  if (!requirements[device].systems.includes(system)) return `onnxruntime-node does not have it on ${system}`;
  if (device === "cuda" && !existsSync(join(binaryFolder(), "libonnxruntime_providers_cuda.so"))) {
    return "onnxruntime-node was installed without its CUDA libraries";
  }
  return undefined;
}

/**
 * Tries every device, in processes of their own, one after the other. For `quantone doctor`: it takes seconds.
 */
export async function probeDevices(): Promise<DeviceReport[]> {
  const reports: DeviceReport[] = [];
  for (const device of devices) {
    const missing = missingPiece(device);
    const result: ProbeResult =
      missing === undefined ? await probeDevice(device) : { isWorking: false, reason: missing };
    reports.push(reportOf(device, result));
  }
  return reports;
}

function reportOf(device: Device, result: ProbeResult): DeviceReport {
  if (!result.isWorking)
    return { device, isAvailable: false, detail: `${result.reason}; to get it, ${howToGet(device)}` };
  return { device, isAvailable: true, detail: speed(result) };
}

function speed({ milliseconds, cpuMilliseconds }: Extract<ProbeResult, { isWorking: true }>): string {
  return `${milliseconds.toFixed(1)} ms for a small network, one CPU thread ${cpuMilliseconds.toFixed(1)} ms`;
}

/** A device and how the choice fell on it. */
export interface DeviceChoice {
  readonly device: Device;
  readonly notes: readonly string[];
}

/** What the choice depends on. */
export interface Machine {
  hasSignOfGpu(): boolean;
  missingPiece(device: Device): string | undefined;
  probe(device: Device): Promise<ProbeResult>;
}

let ownChoice: Promise<DeviceChoice> | undefined;

/** The device for `auto` on this machine. Tried once in the life of the process. */
export function chooseDevice(): Promise<DeviceChoice> {
  ownChoice ??= chooseDeviceOn({ hasSignOfGpu, missingPiece, probe: probeDevice });
  return ownChoice;
}

/**
 * The first GPU that computes in single precision, gives the CPU's numbers, and is faster than one CPU thread on a small
 * network; else the CPU. The last condition is what keeps software drivers out. On a machine that shows no sign of a GPU
 * nothing is tried.
 */
export async function chooseDeviceOn(machine: Machine): Promise<DeviceChoice> {
  if (!machine.hasSignOfGpu()) return { device: "cpu", notes: ["no GPU was found: cpu is taken"] };
  const notes: string[] = [];
  // CoreML computes in half precision, which changes tokens: it is taken only when asked for by name.
  for (const device of ["cuda", "dml", "webgpu"] as const) {
    const missing = machine.missingPiece(device);
    const result: ProbeResult =
      missing === undefined ? await machine.probe(device) : { isWorking: false, reason: missing };
    if (!result.isWorking) {
      notes.push(`${device}: ${result.reason}`);
    } else if (result.milliseconds > result.cpuMilliseconds) {
      notes.push(`${device}: slower than the CPU, ${speed(result)}`);
    } else {
      return { device, notes: [...notes, `${device} is taken: ${speed(result)}`] };
    }
  }
  return { device: "cpu", notes: [...notes, "cpu is taken"] };
}

/** Whether the operating system shows a GPU. macOS and Windows have one for the screen. */
function hasSignOfGpu(): boolean {
  if (process.platform !== "linux") return true;
  const hasRenderNode = existsSync("/dev/dri") && readdirSync("/dev/dri").some((name) => name.startsWith("renderD"));
  return hasRenderNode || existsSync("/dev/nvidiactl") || existsSync("/dev/dxg");
}

/** The folder of onnxruntime-node's shared libraries, where its installer puts those for CUDA. */
function binaryFolder(): string {
  return join(dirname(resolveOnnxRuntime()), "..", "bin", "napi-v6", process.platform, process.arch);
}
