import { describe, expect, it } from "vitest";
import { CenteredTime, holdBack } from "../../../src/graph/blocks/centered-time";
import { symbol } from "../../../src/graph/dimension";
import { batch, GraphBuilder } from "../../../src/graph/graph-builder";
import type { Network, NetworkForm } from "../../../src/graph/network";
import { add } from "../../../src/graph/ops/elementwise";
import { trim } from "../../../src/graph/ops/shape";
import { NetworkSession } from "../../../src/runtime/network-session";
import { openRuntime } from "../../../src/runtime/open-runtime";

/** Two layers, y[n] = x[n - reach] + x[n] + x[n + reach] + 1 each, reach 1 and then 2; the first one's sum comes along. */
function twoLayers(form: NetworkForm, lookAhead = 3): Network {
  const graph = new GraphBuilder({ name: "sums", form });
  let x = graph.input("x", [batch, symbol("F"), 1]);
  const time = new CenteredTime(graph, symbol("F"), lookAhead);
  const sums = [1, 2].map((reach) =>
    graph.scope(`layer.${reach}`, () => {
      const joined = time.surround(x, reach);
      const outer = add(trim(joined, 1, 0, 2 * reach), trim(joined, 1, 2 * reach, 0));
      x = add(add(outer, trim(joined, 1, reach, reach)), graph.constant("one", [1], Float32Array.of(1)));
      return x;
    }),
  );
  const [first = x, second = x] = sums;
  return graph.build({ first: graph.scope("first", () => holdBack(first, 2)), second });
}

const signal = Float32Array.of(1, 2, 3, 5, 8);
const first = [4, 7, 11, 17, 14];
const second = [16, 25, 30, 25, 26];

async function open(network: Network): Promise<NetworkSession> {
  return NetworkSession.create(await openRuntime({ device: "cpu" }), network);
}

describe("CenteredTime", () => {
  it("pads each layer with zeros in the offline form", async () => {
    await using session = await open(twoLayers("offline"));
    const results = await session.run({ x: { data: signal, shape: [1, 5, 1] } });
    expect([...(results.first?.data ?? [])]).toEqual(first);
    // A network that pads its input only would have 27 in the second place, for the 2 that the first layer makes of nothing.
    expect([...(results.second?.data ?? [])]).toEqual(second);
  });

  it.each([[[8]], [[1]], [[2, 1, 5]]])(
    "gives the same late in the streaming form, in portions of %j",
    async (portions) => {
      await using session = await open(twoLayers("streaming"));
      const stream = session.openStream();
      const rows = Float32Array.of(...signal, 0, 0, 0);
      const inside = Float32Array.of(0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0);
      const found = { first: [] as number[], second: [] as number[] };
      for (let begin = 0, call = 0; begin < rows.length; call++) {
        const size = Math.min(portions[call % portions.length] as number, rows.length - begin);
        const results = await stream.run({
          x: { data: rows.slice(begin, begin + size), shape: [1, size, 1] },
          inside: { data: inside.slice(begin, begin + size + 3), shape: [1, size + 3, 1] },
        });
        found.first.push(...(results.first?.data ?? []));
        found.second.push(...(results.second?.data ?? []));
        begin += size;
      }
      expect(found.first.slice(3)).toEqual(first);
      expect(found.second.slice(3)).toEqual(second);
    },
  );

  it("refuses layers that look further ahead than was said", () => {
    expect(() => twoLayers("streaming", 2)).toThrow("layer.2: looking ahead expected 1 rows at most, got 2");
  });
});
