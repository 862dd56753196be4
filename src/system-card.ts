/** What lists tell of a system: where it comes from, how large it is, what its licences are, what holds it to its source. */
import type { RateFacts } from "./rvq/bitrate";

/** Facts of one codec, vocoder or synthesizer, from its config where that has them. They make docs/systems.md. */
export interface SystemCard {
  /** Such as `Zeghidour et al. 2021, "SoundStream: An End-to-End Neural Audio Codec"`. */
  readonly paper: string;
  readonly paperUrl: string;
  /** Of the audio, in Hz. */
  readonly sampleRate: number;
  /** Channels that come out of one signal. */
  readonly numChannels: number;
  /** Of the frames that go in or come out beside the audio: tokens, or a vocoder's features. */
  readonly frameRate: number;
  /** A codec's tokens; absent in what has none. */
  readonly rvq?: Pick<RateFacts, "numCodebooks" | "codebookSize">;
  /** Rates that the published model was trained for, in bits per second, where those are fewer than its codebooks allow. */
  readonly trainedBitsPerSecond?: readonly number[];
  /** Trained numbers of all networks, without codebooks. */
  readonly numParameters: number;
  /** Algorithmic delay; absent in what takes the whole signal at once. */
  readonly delaySamples?: number;
  /** Licence of the authors' own code, "none published" where there is none. What runs here is this package's. */
  readonly codeLicence: string;
  /** Licence of the weights that are published, "none published" where there are none. */
  readonly weightsLicence: string;
  /** What tests and scripts compare it with, and on which weights. */
  readonly tested: string;
}
