/**
 * hidden [B, S, H] -> how long each symbol lasts, log frames [B, S, 1]: drawn from a flow run backwards, or predicted.
 *
 * Source   Kim, Kong and Son 2021 (VITS), section 2.2.2 and appendix A; Durkan et al. 2019 for the flow's splines
 */
import { inverseSpline } from "../../src/graph/blocks/rational-quadratic-spline";
import type { Operand } from "../../src/graph/graph-builder";
import { relu } from "../../src/graph/ops/activation";
import { add } from "../../src/graph/ops/elementwise";
import { trim } from "../../src/graph/ops/shape";
import type { VitsLayers } from "./layers";

const root = "duration_predictor";

/**
 * Takes noise back through the flow.
 *
 * Shapes   hidden [B, S, H], noise [B, S, 2] already scaled; result [B, S, 1]
 */
export function drawnLogDurations(
  hidden: Operand,
  noise: Operand,
  speaker: Operand | undefined,
  layers: VitsLayers,
): Operand {
  const { graph } = hidden;
  const { hiddenDim: channels, numDurationFlows } = layers.config;
  let condition = layers.conv(hidden, `${root}.conv_pre`, { channels });
  if (speaker !== undefined) condition = add(condition, layers.speakerOffset(speaker, `${root}.cond`, channels));
  condition = layers.conv(layers.separableConvs(condition, `${root}.conv_dds`), `${root}.conv_proj`, { channels });
  let [kept, changed] = [trim(noise, 2, 0, 1), trim(noise, 2, 1, 0)];
  // The two channels change places before each flow. The first flow is never run: nothing that it changes is used.
  for (let flow = numDurationFlows; flow > 1; flow--) {
    [kept, changed] = [changed, kept];
    changed = inverseCoupling(kept, changed, condition, { path: `${root}.flows.${flow}`, layers });
  }
  const offset = layers.tensor(`${root}.flows.0.translate`, [2, 1]).data.subarray(0, 1);
  const logScale = layers.tensor(`${root}.flows.0.log_scale`, [2, 1]).data.subarray(0, 1);
  const gain = graph.number(Math.exp(-(logScale[0] as number)));
  const centred = graph.node("Sub", [changed, graph.number(offset[0] as number)], changed.shape);
  return graph.node("Mul", [centred, gain], changed.shape);
}

/** The spline that one channel decides on, applied backwards to the other. [B, S, 1] each. */
function inverseCoupling(
  kept: Operand,
  changed: Operand,
  condition: Operand,
  { path, layers }: { path: string; layers: VitsLayers },
): Operand {
  const { graph } = kept;
  const { hiddenDim, numSplineBins: numBins, splineTailBound } = layers.config;
  const opened = add(layers.conv(kept, `${path}.conv_pre`, { channels: hiddenDim }), condition);
  const mixed = layers.separableConvs(opened, `${path}.conv_dds`);
  const parameters = layers.conv(mixed, `${path}.conv_proj`, { channels: 3 * numBins - 1 });
  const part = (from: number, length: number): Operand => trim(parameters, 2, from, 3 * numBins - 1 - from - length);
  const softened = (logits: Operand): Operand =>
    graph.node("Mul", [logits, graph.number(hiddenDim ** -0.5)], logits.shape);
  const spline = {
    widths: softened(part(0, numBins)),
    heights: softened(part(numBins, numBins)),
    slopes: part(2 * numBins, numBins - 1),
  };
  return graph.scope(path, () => inverseSpline(changed, spline, splineTailBound));
}

/**
 * Two convolutions and a projection.
 *
 * Shapes   hidden [B, S, H]; result [B, S, 1]
 */
export function predictedLogDurations(hidden: Operand, speaker: Operand | undefined, layers: VitsLayers): Operand {
  const { hiddenDim, durationDim: channels, durationKernelSize: kernelSize, layerNormEpsilon } = layers.config;
  let x = hidden;
  if (speaker !== undefined) x = add(x, layers.speakerOffset(speaker, `${root}.cond`, hiddenDim));
  for (const layer of [1, 2]) {
    const seen = relu(layers.conv(x, `${root}.conv_${layer}`, { channels, kernelSize }));
    x = layers.norm(seen, `${root}.norm_${layer}`, layerNormEpsilon);
  }
  return layers.conv(x, `${root}.proj`, { channels: 1 });
}
