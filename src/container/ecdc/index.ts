/** `.ecdc` files, which PyPI encodec writes and reads. */
export { readEcdc, writeEcdc } from "./ecdc-file";
