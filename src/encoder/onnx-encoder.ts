/** The encoder as an ONNX network in its streaming form. */
import type { NetworkSession } from "../runtime/network-session";
import { type NetworkSignals, openSignals } from "../runtime/network-signals";
import { outputData } from "../runtime/output-data";
import { DenoisingSwitch } from "./denoising";
import type { Encoder, EncoderBatch } from "./encoder";

/** Names and sizes that tie a network to the encoder's interface. */
export interface OnnxEncoderConfig
  extends Pick<Encoder, "hopLength" | "latentDim" | "startFrames" | "takesPartialFrame"> {
  /** Channels of the waveform that are coded together. Default 1. */
  readonly jointChannels?: number;
}

/**
 * Wraps a network that takes `waveform` [B, T], or [B, T, C] of several channels, and `denoising` [1, F, 2] if it has that
 * switch, and gives `latents` [B, F, D]. A network in its offline form takes each call as a signal of its own.
 *
 * Memory   the encoder owns the session: disposing the one disposes the other
 */
export function onnxEncoder(session: NetworkSession, config: OnnxEncoderConfig): Encoder {
  const hasSwitch = session.network.inputs.some(({ name }) => name === "denoising");
  return {
    ...config,
    openStream: (denoise) => openBatch(session, config, openSignals(session, 1), new DenoisingSwitch(denoise)),
    ...(!hasSwitch && {
      openBatch: (numSignals) => openBatch(session, config, openSignals(session, numSignals)),
    }),
    dispose: () => session.dispose(),
  };
}

function openBatch(
  session: NetworkSession,
  config: OnnxEncoderConfig,
  signals: NetworkSignals,
  denoising?: DenoisingSwitch,
): EncoderBatch {
  const { jointChannels = 1, hopLength } = config;
  const { numSignals } = signals;
  const hasSwitch = session.network.inputs.some(({ name }) => name === "denoising");
  return {
    async push(samples) {
      const length = samples.length / numSignals / jointChannels;
      const shape = jointChannels === 1 ? [numSignals, length] : [numSignals, length, jointChannels];
      const outputs = await signals.run({
        waveform: { data: samples, shape },
        ...(hasSwitch && denoising && { denoising: denoising.take(samples.length / hopLength) }),
      });
      return outputData(session, outputs, "latents");
    },
    select: (places) => openBatch(session, config, signals.select(places)),
  };
}
