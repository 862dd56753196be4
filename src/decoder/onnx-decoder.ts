/** The decoder as an ONNX network in its streaming form. */
import { type DenoiseFrame, DenoisingSwitch } from "../encoder/denoising";
import type { NetworkSession } from "../runtime/network-session";
import { type NetworkSignals, openSignals } from "../runtime/network-signals";
import { outputData } from "../runtime/output-data";
import type { DecoderFrames } from "../vocoder/vocoder";
import type { Decoder, DecoderBatch, DecoderStream } from "./decoder";

/** Names and sizes that tie a network to the decoder's interface. */
export interface OnnxDecoderConfig extends Pick<Decoder, "latentDim" | "features" | "startFrames"> {
  /** Samples that one frame stands for. */
  readonly hopLength: number;
  /** Frames that what comes out lies behind what went in. Default 0. */
  readonly delayFrames?: number;
  /** Frames of zeros that follow these at the end, for a vocoder whose last samples need frames behind them. Default 0. */
  readonly tailFrames?: number;
}

/**
 * Wraps a network that takes `quantized` [B, F, D], and `denoising` [1, F, 2] if it has that switch, and gives
 * the output named by `features`.
 *
 * Memory   the decoder owns the session: disposing the one disposes the other
 */
export function onnxDecoder(session: NetworkSession, config: OnnxDecoderConfig): Decoder {
  const hasSwitch = session.network.inputs.some(({ name }) => name === "denoising");
  return {
    latentDim: config.latentDim,
    features: config.features,
    delaySamples: (config.delayFrames ?? 0) * config.hopLength,
    ...(config.startFrames !== undefined && { startFrames: config.startFrames }),
    openStream: (denoise) => openStream(session, config, denoise),
    ...(!hasSwitch && { openBatch: (numSignals) => openBatch(session, config, openSignals(session, numSignals)) }),
    dispose: () => session.dispose(),
  };
}

function openStream(session: NetworkSession, config: OnnxDecoderConfig, denoise?: DenoiseFrame): DecoderStream {
  const { latentDim, delayFrames = 0, tailFrames = 0 } = config;
  const numLate = delayFrames + tailFrames;
  const stream = openSignals(session, 1);
  const hasSwitch = session.network.inputs.some(({ name }) => name === "denoising");
  const denoising = new DenoisingSwitch(denoise);
  const push = async (quantized: Float32Array): Promise<DecoderFrames> => {
    const numFrames = quantized.length / latentDim;
    const outputs = await stream.run({
      quantized: { data: quantized, shape: [1, numFrames, latentDim] },
      ...(hasSwitch && { denoising: denoising.take(numFrames) }),
    });
    return { features: outputData(session, outputs, config.features) };
  };
  return {
    push,
    // Frames of zeros push out what the last frames of the signal left behind.
    flush: async () => (numLate === 0 ? undefined : push(new Float32Array(numLate * latentDim))),
  };
}

function openBatch(session: NetworkSession, config: OnnxDecoderConfig, signals: NetworkSignals): DecoderBatch {
  const { latentDim, features: name } = config;
  const { numSignals } = signals;
  return {
    async push(quantized) {
      const shape = [numSignals, quantized.length / latentDim / numSignals, latentDim];
      const outputs = await signals.run({ quantized: { data: quantized, shape } });
      return { features: outputData(session, outputs, name) };
    },
    select: (places) => openBatch(session, config, signals.select(places)),
  };
}
