/** `.ecdc` files, which PyPI encodec writes and reads. */
export { readEcdc, writeEcdc } from "./ecdc-file";
export type { EcdcCoding } from "./header";
export {
  type CodePredictor,
  type EcdcInfo,
  type ModelArithmetic,
  type ModelledEcdcOptions,
  readEcdcInfo,
  readModelledEcdc,
  type TokenLanguageModel,
  writeModelledEcdc,
} from "./modelled-file";
