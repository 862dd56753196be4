/** Packets and `.lyra` files of Lyra V2. */
export { type LyraFileOptions, readLyra, readLyraPacket, writeLyra, writeLyraPackets } from "./lyra-file";
