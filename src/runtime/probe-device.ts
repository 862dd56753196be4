/**
 * Tries a device in a process of its own.
 *
 * A GPU driver can abort the process, print to its console, or be a program on the CPU that only looks like a GPU. None
 * of that can be told beforehand, and the runtime does not say which adapter it took. So another process runs a small
 * network on the device and on the CPU, and sends back whether the numbers agree and how long both took.
 */
import { spawn } from "node:child_process";
import { reasonOf, resolveOnnxRuntime } from "./onnxruntime-package";
import { buildProbeNetwork, probeFrames } from "./probe-network";
import type { Device } from "./runtime";

/** What a device did in the probe. */
export type ProbeResult =
  | {
      readonly isWorking: true;
      /** Time of one call, and of the same call on one CPU thread. */
      readonly milliseconds: number;
      readonly cpuMilliseconds: number;
    }
  | { readonly isWorking: false; readonly reason: string };

/** A software driver compiles its shaders in about two seconds; a device that needs longer than this is no gain. */
const timeoutMilliseconds = 20_000;
/** Single precision, summed in another order, differs by about 1e-6 here; half precision by 1e-3; a wrong result by 1. */
const tolerance = 1e-4;

/**
 * Runs in the child. It is handed over as text because there is no file of that name in a bundle, and uses nothing but
 * its arguments: the path of onnxruntime-node, the device, the frames of a call, the tolerance. The model comes on stdin.
 */
const childScript = `
const [path, device, frames, tolerance] = process.argv.slice(1);
const ort = require(path);
const model = require("node:fs").readFileSync(0);
const data = Float32Array.from({ length: frames * 256 }, (_, i) => Math.sin(i * 0.7));
const feeds = { x: new ort.Tensor("float32", data, [1, Number(frames), 256]) };
async function time(provider) {
  const options = { executionProviders: [provider], intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 };
  const session = await ort.InferenceSession.create(model, options);
  let best = Infinity;
  let y;
  for (let call = 0; call < 8; call++) {
    const start = performance.now();
    y = (await session.run(feeds)).y.data;
    if (call > 1) best = Math.min(best, performance.now() - start);
  }
  await session.release();
  return { y, best };
}
async function main() {
  const cpu = await time("cpu");
  const other = await time(device);
  const difference = cpu.y.reduce((worst, value, i) => Math.max(worst, Math.abs(value - other.y[i])), 0);
  if (!(difference <= Number(tolerance))) return { isWorking: false, reason: "its numbers differ from the CPU's by " + difference };
  return { isWorking: true, milliseconds: other.best, cpuMilliseconds: cpu.best };
}
main()
  .catch((error) => ({ isWorking: false, reason: String(error.message) }))
  .then((result) => process.stdout.write("\\n" + JSON.stringify(result), () => process.exit(0)));
`;

/** Set in the child. A packaged app may ignore the arguments and run itself: it must not start a probe of its own. */
const childMark = "QUANTONE_DEVICE_PROBE";

/** Tries one device. Never throws for what the device does: that is the result. */
export async function probeDevice(device: Device): Promise<ProbeResult> {
  if (process.env[childMark] !== undefined) return { isWorking: false, reason: "this process is a probe itself" };
  const args = ["-e", childScript, resolveOnnxRuntime(), device, String(probeFrames), String(tolerance)];
  const child = spawn(process.execPath, args, {
    // In an Electron app the program is the app unless it is told to be Node.
    env: { ...process.env, ELECTRON_RUN_AS_NODE: "1", [childMark]: "1" },
    stdio: ["pipe", "pipe", "ignore"],
    timeout: timeoutMilliseconds,
    killSignal: "SIGKILL",
  });
  return new Promise((resolve) => {
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.on("error", (error) => resolve({ isWorking: false, reason: `the probe could not start: ${error.message}` }));
    child.on("close", (code, signal) =>
      resolve(parseResult(output) ?? noResult(child.killed, signal ?? `exit code ${code}`)),
    );
    // A child that has died early closes the pipe; its end is what counts.
    child.stdin.on("error", () => {});
    child.stdin.end(buildProbeNetwork().bytes);
  });
}

function parseResult(output: string): ProbeResult | undefined {
  // A driver may have printed before: the result is the last line.
  const line = output.slice(output.lastIndexOf("\n") + 1);
  try {
    const result = JSON.parse(line) as ProbeResult;
    return result.isWorking ? result : { isWorking: false, reason: reasonOf(result.reason) };
  } catch {
    return undefined;
  }
}

function noResult(isTimedOut: boolean, end: string): ProbeResult {
  const reason = isTimedOut ? `it gave no result in ${timeoutMilliseconds / 1000} s` : `it crashed (${end})`;
  return { isWorking: false, reason };
}
