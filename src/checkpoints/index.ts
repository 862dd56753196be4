/** Weight files to state dicts: safetensors, PyTorch, ONNX, TFLite. The subpath `quantone/checkpoints`. */
export type { DownloadOptions } from "./download/fetch-weights";
export { type Checkpoint, type CheckpointFormat, type CheckpointOptions, openCheckpoint } from "./open-checkpoint";
export { readSafetensors, writeSafetensors } from "./safetensors";
export type { StateDict, WeightTensor } from "./state-dict";
export { foldWeightNorm } from "./weight-norm";
export type { WeightsSource } from "./weights-source";
