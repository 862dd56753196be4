import { expect, it } from "vitest";
import { concatBytes, concatCodes, concatFloats } from "../../../src/kernels/concat";

it.each([
  [concatFloats, Float32Array],
  [concatCodes, Uint16Array],
  [concatBytes, Uint8Array],
] as const)("%o joins parts in their order, empty ones and none included", (concat, Kind) => {
  const join = concat as (parts: readonly InstanceType<typeof Kind>[]) => InstanceType<typeof Kind>;
  expect(join([Kind.of(1, 2), new Kind(0), Kind.of(3)])).toEqual(Kind.of(1, 2, 3));
  expect(join([])).toEqual(new Kind(0));
  const only = Kind.of(4, 5);
  const copy = join([only]);
  only[0] = 9;
  expect(copy).toEqual(Kind.of(4, 5));
});
