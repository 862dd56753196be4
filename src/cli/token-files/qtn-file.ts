/** `.qtn`: this package's container, packet by packet in both directions. */
import { ContainerReader } from "../../container/container-stream";
import { writeContainerStream } from "../../container/container-writer";
import { magic } from "../../container/header";
import type { TokenFileKind } from "./token-file";

export const qtnFile: TokenFileKind = {
  ending: ".qtn",
  magic,
  write: (pieces) => writeContainerStream(pieces),
  async open(bytes, options) {
    const reader = await ContainerReader.open(bytes, options);
    return { header: reader.header, metadata: reader.header.metadata, tokens: () => reader };
  },
};
