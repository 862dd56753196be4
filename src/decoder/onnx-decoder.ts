/** The decoder as an ONNX network in its streaming form. */
import type { NetworkSession } from "../runtime/network-session";
import { outputData } from "../runtime/output-data";
import type { Decoder, DecoderStream } from "./decoder";

/** Names and sizes that tie a network to the decoder's interface. */
export type OnnxDecoderConfig = Pick<Decoder, "latentDim" | "features" | "delaySamples" | "startFrames">;

/**
 * Wraps a streaming network that takes `quantized` [1, F, D] and gives the output named by `features` and, when the codec
 * has one, `baseline` [1, F * hopLength].
 *
 * Memory   the decoder owns the session: disposing the one disposes the other
 */
export function onnxDecoder(session: NetworkSession, config: OnnxDecoderConfig): Decoder {
  return {
    ...config,
    openStream: () => openStream(session, config),
    dispose: () => session.dispose(),
  };
}

function openStream(session: NetworkSession, config: OnnxDecoderConfig): DecoderStream {
  const { latentDim, delaySamples } = config;
  const stream = session.openStream();
  const run = (quantized: Float32Array) =>
    stream.run({ quantized: { data: quantized, shape: [1, quantized.length / latentDim, latentDim] } });
  return {
    async push(quantized) {
      const outputs = await run(quantized);
      const features = outputData(session, outputs, config.features);
      return { features, ...(outputs.baseline && { baseline: outputs.baseline.data }) };
    },
    async flush() {
      if (delaySamples === 0) return undefined;
      // A frame of zeros adds nothing to the transposed convolution, and pushes out what the frames before it left.
      const { baseline } = await run(new Float32Array(latentDim));
      return baseline?.data.subarray(0, delaySamples);
    },
  };
}
