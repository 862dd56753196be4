/** What tokens of a codec say about themselves. */
import type { CodecIdentity } from "../pipeline";
import type { TokenFormat } from "../tokens/token-frames";

/**
 * The format of tokens.
 *
 * @param numChannels  channels that are coded by themselves
 * @param numCodebooks  stages in use
 */
export function tokenFormat(identity: CodecIdentity, numChannels: number, numCodebooks: number): TokenFormat {
  const { name, revision, sampleRate, frameRate, codebookSize, segmentation } = identity;
  const format = { codec: name, revision, sampleRate, frameRate, numChannels, numCodebooks, codebookSize };
  return { ...format, ...(segmentation && { segmentation }) };
}
