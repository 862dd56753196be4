/**
 * Taking noise away on the way through a codec: a switch that some networks have, on or off for each frame.
 *
 * Source   Zeghidour et al. 2021 (SoundStream), section III-E
 */
import type { Tensor } from "../runtime/runtime";

/** Whether to take noise away: throughout, or asked anew for each frame by the second of the signal that it begins at. */
export type Denoise = boolean | ((seconds: number) => boolean);

/** The same by the number of the frame in the signal. */
export type DenoiseFrame = (frame: number) => boolean;

/** The network of a codec that has the switch. */
export type DenoisingSide = "encoder" | "decoder";

/**
 * Checks a wish for denoising against what the codec can do.
 *
 * @returns undefined when nothing is to be taken away
 * @throws {TypeError} when `denoise` is neither a boolean nor a function
 * @throws {RangeError} when the network of that side has no switch
 */
export function denoiseByFrame(
  denoise: Denoise | undefined,
  side: DenoisingSide,
  codec: { readonly name: string; readonly frameRate: number; readonly denoising?: DenoisingSide },
): DenoiseFrame | undefined {
  if (denoise === undefined || denoise === false) return undefined;
  if (typeof denoise !== "boolean" && typeof denoise !== "function") {
    throw new TypeError(`"denoise" expected a boolean or a function of the seconds, got ${JSON.stringify(denoise)}`);
  }
  if (codec.denoising !== side) {
    const able = codec.denoising === undefined ? "has no denoising" : `denoises in its ${codec.denoising}`;
    throw new RangeError(`"denoise" expected false for the ${side} of "${codec.name}", which ${able}, got ${denoise}`);
  }
  return typeof denoise === "function" ? (frame) => denoise(frame / codec.frameRate) : () => denoise;
}

/** The switch of one signal, frame after frame. */
export class DenoisingSwitch {
  readonly #denoise: DenoiseFrame;
  #frame = 0;

  constructor(denoise: DenoiseFrame = () => false) {
    this.#denoise = denoise;
  }

  /**
   * The network input for the next frames.
   *
   * Shapes   one-hot [1, F, 2]: off, on
   */
  take(numFrames: number): Tensor {
    const data = new Float32Array(2 * numFrames);
    for (let index = 0; index < numFrames; index++) data[2 * index + (this.#denoise(this.#frame++) ? 1 : 0)] = 1;
    return { data, shape: [1, numFrames, 2] };
  }
}
