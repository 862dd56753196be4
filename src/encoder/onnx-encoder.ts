/** The encoder as an ONNX network in its streaming form. */
import type { NetworkSession } from "../runtime/network-session";
import { outputData } from "../runtime/output-data";
import { type DenoiseFrame, DenoisingSwitch } from "./denoising";
import type { Encoder, EncoderStream } from "./encoder";

/** Names and sizes that tie a network to the encoder's interface. */
export interface OnnxEncoderConfig
  extends Pick<Encoder, "hopLength" | "latentDim" | "startFrames" | "takesPartialFrame"> {
  /** Channels of the waveform that are coded together. Default 1. */
  readonly jointChannels?: number;
}

/**
 * Wraps a network that takes `waveform` [1, T], or [1, T, C] of several channels, and `denoising` [1, F, 2] if it has that
 * switch, and gives `latents` [1, F, D]. A network in its offline form takes each call as a signal of its own.
 *
 * Memory   the encoder owns the session: disposing the one disposes the other
 */
export function onnxEncoder(session: NetworkSession, config: OnnxEncoderConfig): Encoder {
  return {
    ...config,
    openStream: (denoise) => openStream(session, config, denoise),
    dispose: () => session.dispose(),
  };
}

function openStream(session: NetworkSession, config: OnnxEncoderConfig, denoise?: DenoiseFrame): EncoderStream {
  const stream = session.network.form === "offline" ? session : session.openStream();
  const { jointChannels = 1 } = config;
  const hasSwitch = session.network.inputs.some(({ name }) => name === "denoising");
  const denoising = new DenoisingSwitch(denoise);
  return {
    async push(samples) {
      const outputs = await stream.run({
        waveform: {
          data: samples,
          shape: jointChannels === 1 ? [1, samples.length] : [1, samples.length / jointChannels, jointChannels],
        },
        ...(hasSwitch && { denoising: denoising.take(samples.length / config.hopLength) }),
      });
      return outputData(session, outputs, "latents");
    },
  };
}
