import { describe, expect, it } from "vitest";
import { createHeader } from "../../../src/container/header";
import { findHeadFault, type PacketHead, readHead, writePacket } from "../../../src/container/packet";
import { makeTokens } from "../../helpers/token-samples";

/** 4 tokens of 10 bits a frame: 100 frames are 500 bytes packed, and 7 at least. */
const header = createHeader(makeTokens(0), 100, {});
const full: PacketHead = {
  coding: 1,
  packetIndex: 3,
  numFrames: 100,
  payloadBytes: 400,
  paddingSamples: undefined,
};
const last: PacketHead = { ...full, numFrames: 60, payloadBytes: 300, paddingSamples: 100 };

describe("readHead", () => {
  it.each([
    ["a packet", full],
    ["the last packet", last],
    ["large numbers", { ...full, packetIndex: 0xffff_fffe, numFrames: 0xffff, payloadBytes: 0x0f_ffff }],
  ])("reads what writePacket wrote: %s", (_, head) => {
    const bytes = writePacket(head, new Uint8Array(0), new Uint8Array(head.payloadBytes));
    expect(readHead(new DataView(bytes.buffer), 0)).toEqual(head);
    expect(bytes.length).toBe(head.payloadBytes + (head.paddingSamples === undefined ? 16 : 20));
  });
});

describe("findHeadFault", () => {
  it.each([
    ["a full packet", full],
    ["a last packet with fewer frames", last],
    ["a last packet that is full", { ...last, numFrames: 100 }],
    ["the shortest payload", { ...full, payloadBytes: 7 }],
    ["the longest payload", { ...full, payloadBytes: 500 }],
    ["packed tokens", { ...full, coding: 0 as const, payloadBytes: 500 }],
    ["an empty file", { coding: 0 as const, packetIndex: 0, numFrames: 0, payloadBytes: 0, paddingSamples: 0 }],
    ["padding of everything", { ...last, paddingSamples: 360 * 320 }],
  ])("accepts %s", (_, head) => {
    expect(findHeadFault(head, header)).toBeUndefined();
  });

  it.each([
    ["an unknown coding", { ...full, coding: 2 as never }, "bad-packet", 2],
    ["fewer frames before the last packet", { ...full, numFrames: 99 }, "bad-packet", 10],
    ["more frames than the header allows", { ...last, numFrames: 101 }, "bad-packet", 10],
    ["no frames in a second packet", { ...last, numFrames: 0, payloadBytes: 0 }, "bad-packet", 10],
    ["more payload than packed tokens", { ...full, payloadBytes: 501 }, "bad-packet", 3],
    ["packed tokens of another length", { ...full, coding: 0 as const, payloadBytes: 499 }, "bad-packet", 3],
    ["more than 64 tokens a byte", { ...full, payloadBytes: 6 }, "limit-exceeded", 3],
    ["padding of more than everything", { ...last, paddingSamples: 360 * 320 + 1 }, "bad-packet", 12],
  ])("refuses %s", (_, head, code, at) => {
    expect(findHeadFault(head, header)).toMatchObject({ code, at });
  });
});
