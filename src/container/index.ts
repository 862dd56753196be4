/** The `.qtn` container: tokens to bytes and back. docs/format.md is its specification. */
export { ContainerError } from "../errors";
export {
  type ContainerInfo,
  type RecoveredContainer,
  readContainer,
  readContainerInfo,
  readFrames,
  recoverContainer,
} from "./container-reader";
export { type ByteSource, ContainerReader, type ContainerStreamOptions, readContainerStream } from "./container-stream";
export { type ContainerOptions, ContainerWriter, writeContainer, writeContainerStream } from "./container-writer";
export {
  type CodePredictor,
  type EcdcCoding,
  type EcdcInfo,
  type ModelArithmetic,
  type ModelledEcdcOptions,
  readEcdc,
  readEcdcInfo,
  readModelledEcdc,
  type TokenLanguageModel,
  writeEcdc,
  writeModelledEcdc,
} from "./ecdc/index";
export type { ContainerHeader } from "./header";
export { type LyraFileOptions, readLyra, readLyraPacket, writeLyra, writeLyraPackets } from "./lyra/index";
export type { Damage } from "./packet-scanner";
