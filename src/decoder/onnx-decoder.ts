/** The decoder as an ONNX network in its streaming form. */
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
 * Wraps a streaming network that takes `quantized` [1, F, D] and gives the output named by `features` and, when the codec
 * has one, `baseline` [1, F * hopLength].
 *
 * Memory   the decoder owns the session: disposing the one disposes the other
 */
export function onnxDecoder(session: NetworkSession, config: OnnxDecoderConfig): Decoder {
  return {
    latentDim: config.latentDim,
    features: config.features,
    delaySamples: (config.delayFrames ?? 0) * config.hopLength,
    ...(config.startFrames !== undefined && { startFrames: config.startFrames }),
    openStream: () => openStream(session, config),
    dispose: () => session.dispose(),
  };
}

function openStream(session: NetworkSession, config: OnnxDecoderConfig): DecoderStream {
  const { latentDim, delayFrames = 0 } = config;
  const stream = session.openStream();
  const push = async (quantized: Float32Array): Promise<DecoderFrames> => {
    const frames = { data: quantized, shape: [1, quantized.length / latentDim, latentDim] };
    const outputs = await stream.run({ quantized: frames });
    const features = outputData(session, outputs, config.features);
    return { features, ...(outputs.baseline && { baseline: outputs.baseline.data }) };
  };
  return {
    push,
    // Frames of zeros push out what the last frames of the signal left behind.
    flush: async () => (delayFrames === 0 ? undefined : push(new Float32Array(delayFrames * latentDim))),
  };
}
