/** Running networks on a device. The subpath `quantone/runtime`. */
export { type DeviceReport, probeDevices } from "./devices";
export { NetworkSession, type NetworkStream, type Tensors } from "./network-session";
export { type OpenRuntimeOptions, openRuntime } from "./open-runtime";
export type { Device, DeviceRequest, Runtime, Session, Tensor } from "./runtime";
