/**
 * The numbers of a diffusion schedule: how much noise is in the signal at each step, and how a step takes some of it out.
 *
 * Source   Kong et al. 2020 (DiffWave), sections 2 and 3.4; its appendix B for schedules with fewer steps than training's
 */
import { ModelError } from "../../src/errors";
import type { DiffwaveConfig } from "./config";

/** What one step of sampling computes: `scale * (x - noiseGain * noise) + deviation * z`. */
export interface ReverseStep {
  /** Where the step lies among those of training, with a fraction between two of them. */
  readonly position: number;
  readonly scale: number;
  readonly noiseGain: number;
  /** How much fresh noise z is added; 0 in the last step. */
  readonly deviation: number;
}

/**
 * The steps in the order of sampling, from noise to signal.
 *
 * @param isFast  the few steps of `fastSchedule`, or all of training's
 * @throws {ModelError} `bad-config` when a step has more noise than training ever added
 */
export function reverseSteps(config: DiffwaveConfig, isFast: boolean): ReverseStep[] {
  const { first, last, numSteps } = config.noiseSchedule;
  const increment = (last - first) / (numSteps - 1);
  const trained = Array.from({ length: numSteps }, (_, step) =>
    step === numSteps - 1 ? last : first + step * increment,
  );
  const betas = isFast ? config.fastSchedule : trained;
  const trainedLevels = signalLevels(trained);
  const levels = signalLevels(betas);
  return betas
    .map((beta, step) => {
      const level = levels[step] as number;
      const levelBefore = step === 0 ? 1 : (levels[step - 1] as number);
      return {
        position: positionOf(trainedLevels, level),
        scale: 1 / Math.sqrt(1 - beta),
        noiseGain: beta / Math.sqrt(1 - level),
        deviation: Math.sqrt(((1 - levelBefore) / (1 - level)) * beta),
      };
    })
    .reverse();
}

/** How much of the signal's power is left after each step: the running product of what each leaves. */
function signalLevels(betas: readonly number[]): number[] {
  let level = 1;
  return betas.map((beta) => {
    level *= 1 - beta;
    return level;
  });
}

/** Where a level lies among training's, in amplitude between the two nearest. */
function positionOf(trainedLevels: readonly number[], level: number): number {
  for (let step = 0; step + 1 < trainedLevels.length; step++) {
    const [above, below] = [trainedLevels[step] as number, trainedLevels[step + 1] as number];
    if (below <= level && level <= above) {
      return step + (Math.sqrt(above) - Math.sqrt(level)) / (Math.sqrt(above) - Math.sqrt(below));
    }
  }
  throw new ModelError(
    "bad-config",
    `"fastSchedule" expected noise levels of the training's schedule, got a signal power of ${level}; correct the config`,
  );
}

/**
 * The embedding of a step, sines and then cosines of the position at growing frequencies; between two steps on the
 * straight line from the one's to the other's.
 *
 * Shapes   result [D]
 * Numerics the angles are rounded to single precision as the published network's are: at a million radians that matters
 */
export function stepEmbedding(config: DiffwaveConfig, position: number): Float32Array {
  const rounded = Math.fround(position);
  const lower = wholeStepEmbedding(config, Math.floor(rounded));
  const upper = wholeStepEmbedding(config, Math.ceil(rounded));
  const fraction = Math.fround(rounded - Math.floor(rounded));
  return lower.map((value, index) => value + ((upper[index] ?? 0) - value) * fraction);
}

function wholeStepEmbedding({ stepEmbeddingDim }: DiffwaveConfig, step: number): Float32Array {
  const half = stepEmbeddingDim / 2;
  const angles = Array.from({ length: half }, (_, index) => {
    const exponent = Math.fround(Math.fround(index * 4) / Math.fround(half - 1));
    return Math.fround(step * Math.fround(10 ** exponent));
  });
  return Float32Array.from([...angles.map(Math.sin), ...angles.map(Math.cos)]);
}
