/** `.ecdc` files, which PyPI encodec writes and reads. */
export { readEcdc, writeEcdc } from "./ecdc-file";
export {
  type CodePredictor,
  type ModelArithmetic,
  type ModelledEcdcOptions,
  readModelledEcdc,
  type TokenLanguageModel,
  writeModelledEcdc,
} from "./modelled-file";
