import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { checkMsgpack } from "../../../src/container/msgpack-guard";
import { containerErrorOf } from "../../helpers/container-error";

const check = (...bytes: number[]) => containerErrorOf(() => checkMsgpack(Uint8Array.from(bytes), 12));

describe("checkMsgpack", () => {
  it("passes plain values of every width", () => {
    const values = [
      null,
      true,
      false,
      0,
      127,
      128,
      70_000,
      2 ** 40,
      -1,
      -200,
      -70_000,
      1.5,
      "a",
      "b".repeat(40),
      "c".repeat(300),
      Array.from({ length: 20 }, () => 1),
      new Map([["key", new Map([["k".repeat(40), []]])]]),
      new Map(Array.from({ length: 20 }, (_, index) => [`key ${index}`, index])),
    ];
    expect(() => checkMsgpack(new Packr({ useRecords: false }).pack(values), 12)).not.toThrow();
  });

  it.each([
    ["a record definition", [0xd4, 0x72, 0x40]],
    ["an extension of 16 bytes", [0xd8, 0x01, ...new Array(16).fill(0)]],
    ["an extension with a length", [0xc7, 0x01, 0x73, 0x00]],
    ["binary", [0xc4, 0x01, 0x00]],
    ["a string of 32-bit length", [0xdb, 0xff, 0xff, 0xff, 0xff]],
    ["an array of 32-bit length", [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ["a map of 32-bit length", [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ["the unused kind", [0xc1]],
    ["an array longer than the bytes", [0xdc, 0xff, 0xff, 0x01]],
    ["a map longer than the bytes", [0xde, 0xff, 0xff, 0xa1, 0x61, 0x01]],
    ["a string longer than the bytes", [0xda, 0xff, 0xff, 0x61]],
    ["a number that is cut off", [0xcf, 0x01]],
    ["a map with a number as key", [0x81, 0x01, 0x01]],
    ["a string that is not UTF-8", [0xa2, 0xc3, 0x28]],
    ["five levels", [0x91, 0x91, 0x91, 0x91, 0x91, 0x01]],
    ["bytes after the value", [0x01, 0x01]],
    ["nothing", []],
  ])("refuses %s", (_, bytes) => {
    const error = check(...bytes);
    expect(error.code).toBe("bad-header");
    expect(error.byteOffset).toBeGreaterThanOrEqual(12);
    expect(error.byteOffset).toBeLessThanOrEqual(12 + bytes.length);
  });
});
