export { CodecError, isCodecError } from "./errors";
