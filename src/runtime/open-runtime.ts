/** Device by name -> runtime. */
import { OnnxNodeRuntime } from "./onnxruntime-node";
import type { DeviceRequest, Runtime } from "./runtime";

export async function openRuntime(options: { device?: DeviceRequest; numThreads?: number } = {}): Promise<Runtime> {
  return OnnxNodeRuntime.open("cpu", options.numThreads ?? 1, []);
}
