/** The decoder as an ONNX network in its streaming form. */
import { type DenoiseFrame, DenoisingSwitch } from "../encoder/denoising";
import type { NetworkSession } from "../runtime/network-session";
import { outputData } from "../runtime/output-data";
import type { DecoderFrames } from "../vocoder/vocoder";
import type { Decoder, DecoderStream } from "./decoder";

/** Names and sizes that tie a network to the decoder's interface. */
export interface OnnxDecoderConfig extends Pick<Decoder, "latentDim" | "features" | "startFrames"> {
  /** Samples that one frame stands for. */
  readonly hopLength: number;
  /** Frames that what comes out lies behind what went in. Default 0. */
  readonly delayFrames?: number;
}

/**
 * Wraps a network that takes `quantized` [1, F, D], and `denoising` [1, F, 2] if it has that switch, and gives
 * the output named by `features` and, when the codec has one, `baseline` [1, F * hopLength].
 *
 * Memory   the decoder owns the session: disposing the one disposes the other
 */
export function onnxDecoder(session: NetworkSession, config: OnnxDecoderConfig): Decoder {
  return {
    latentDim: config.latentDim,
    features: config.features,
    delaySamples: (config.delayFrames ?? 0) * config.hopLength,
    ...(config.startFrames !== undefined && { startFrames: config.startFrames }),
    openStream: (denoise) => openStream(session, config, denoise),
    dispose: () => session.dispose(),
  };
}

function openStream(session: NetworkSession, config: OnnxDecoderConfig, denoise?: DenoiseFrame): DecoderStream {
  const { latentDim, delayFrames = 0 } = config;
  const stream = session.network.form === "offline" ? session : session.openStream();
  const hasSwitch = session.network.inputs.some(({ name }) => name === "denoising");
  const denoising = new DenoisingSwitch(denoise);
  const push = async (quantized: Float32Array): Promise<DecoderFrames> => {
    const numFrames = quantized.length / latentDim;
    const outputs = await stream.run({
      quantized: { data: quantized, shape: [1, numFrames, latentDim] },
      ...(hasSwitch && { denoising: denoising.take(numFrames) }),
    });
    const features = outputData(session, outputs, config.features);
    return { features, ...(outputs.baseline && { baseline: outputs.baseline.data }) };
  };
  return {
    push,
    // Frames of zeros push out what the last frames of the signal left behind.
    flush: async () => (delayFrames === 0 ? undefined : push(new Float32Array(delayFrames * latentDim))),
  };
}
