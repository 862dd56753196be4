/** What every long job takes beside its input: a way to stop it, and a way to hear how far it has come. */

/** How far a long job has come. */
export interface Progress {
  /** Audio done so far, in seconds. */
  readonly doneSeconds: number;
  /** All of it, when that is known: streams have no end until they end. */
  readonly totalSeconds: number | undefined;
}

/** What every job takes. */
export interface JobOptions {
  /** Stops the job; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called after every slice of work. */
  readonly onProgress?: (progress: Progress) => void;
}

/** Chunks of one signal, as they come. */
export type ChunkSource<T> = AsyncIterable<T> | Iterable<T>;

/** Adds up what was done and tells the caller who asked for it. */
export function progressReporter(
  { onProgress }: JobOptions,
  totalSeconds: number | undefined,
): (seconds: number) => void {
  let doneSeconds = 0;
  return (seconds) => {
    doneSeconds += seconds;
    onProgress?.({ doneSeconds, totalSeconds });
  };
}
