/** `quantone doctor`: what this machine has, and whether the codecs run on it. */
import type { Command } from "commander";
import packageJson from "../../package.json";
import type { Device } from "../runtime/runtime";
import type { CliEnvironment } from "./environment";
import { alignColumns, reportAnswer } from "./report";

const DEVICES: readonly Device[] = ["cpu", "webgpu", "cuda", "dml", "coreml"];

/** The smallest module with a SIMD instruction: (func (result v128) (i32x4.splat (i32.const 0))). */
const SIMD_MODULE = Uint8Array.from(
  "00 61 73 6d 01 00 00 00 01 05 01 60 00 01 7b 03 02 01 00 0a 08 01 06 00 41 00 fd 11 0b".split(" "),
  (hex) => Number.parseInt(hex, 16),
);

interface DeviceReport {
  readonly device: Device;
  readonly isAvailable: boolean;
  /** The package that runs it, or why it is not there and how to get it. */
  readonly detail: string;
}

interface CodecReport {
  readonly name: string;
  readonly isWorking: boolean;
  /** Its weights, or what is wrong. */
  readonly detail: string;
}

/** Adds `doctor` to the program. */
export function addDoctorCommand(program: Command, environment: CliEnvironment): void {
  program
    .command("doctor")
    .description("tell versions and devices, and whether the codecs that bring weights run")
    .option("--json", "print as JSON")
    .action((options: { json?: boolean }) => runDoctor(options, environment));
}

async function runDoctor(options: { json?: boolean }, environment: CliEnvironment): Promise<void> {
  const devices: DeviceReport[] = [];
  for (const device of DEVICES) devices.push(await examineDevice(device, environment));
  const auto = await environment.openRuntime({ device: "auto" });
  const codecs: CodecReport[] = [];
  const withWeights = environment.codecs.filter(({ weightsLicence }) => weightsLicence !== undefined);
  for (const { name } of withWeights) codecs.push(await examineCodec(name, environment));
  const result = {
    quantone: packageJson.version,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    wasmSimd: WebAssembly.validate(SIMD_MODULE),
    devices,
    auto: { device: auto.device, runtime: auto.name, notes: auto.notes },
    codecs,
  };
  const lines = alignColumns([
    ["quantone", result.quantone],
    ["node", `${result.node} on ${result.platform}`],
    ["wasm simd", result.wasmSimd ? "yes" : "no: the codebook search runs several times slower"],
    ...devices.map(({ device, isAvailable, detail }) => [device, `${isAvailable ? "yes" : "no"}: ${detail}`] as const),
    ["auto", [`takes ${auto.device}`, ...auto.notes].join("; ")],
    ...codecs.map(({ name, isWorking, detail }) => [name, `${isWorking ? "works" : "FAILS"}: ${detail}`] as const),
  ]);
  reportAnswer(environment, options, { result, lines });
  const broken = codecs.find(({ isWorking }) => !isWorking);
  if (broken !== undefined) throw new DiagnosisError(`${broken.name} does not work here: ${broken.detail}`);
}

/** A machine on which a codec does not run. The detail of the codec says what to do. */
export class DiagnosisError extends Error {
  override readonly name = "DiagnosisError";
}

async function examineDevice(device: Device, environment: CliEnvironment): Promise<DeviceReport> {
  try {
    const runtime = await environment.openRuntime({ device });
    return { device, isAvailable: true, detail: runtime.name };
  } catch (error) {
    return { device, isAvailable: false, detail: messageOf(error) };
  }
}

/** Runs a codec both ways on a little silence, as that builds its networks. */
async function examineCodec(name: string, environment: CliEnvironment): Promise<CodecReport> {
  try {
    await using codec = await environment.loadCodec(name, { device: "auto" });
    const { sampleRate, hopLength, revision } = codec.identity;
    const tokens = await codec.encode({ channels: [new Float32Array(4 * hopLength)], sampleRate });
    for await (const _ of codec.decodeStream([tokens]));
    return { name, isWorking: true, detail: `weights ${revision}` };
  } catch (error) {
    return { name, isWorking: false, detail: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
