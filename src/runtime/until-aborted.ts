/** Reading a source that may keep one waiting. */

/**
 * Gives what a source gives, and throws the signal's reason as soon as it is raised, even while the source waits.
 *
 * @throws the signal's reason
 * @throws {TypeError} when the source cannot be gone through: the whole, say, in place of its pieces
 */
export async function* untilAborted<T>(
  source: AsyncIterable<T> | Iterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void> {
  if (!isIterable(source)) {
    throw new TypeError(`"chunks" expected an array, a stream or a generator of them, got ${describe(source)}`);
  }
  if (signal === undefined) {
    yield* source;
    return;
  }
  signal.throwIfAborted();
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  try {
    for (;;) {
      const result = await orAborted(iterator.next(), signal);
      if (result.done === true) break;
      yield result.value;
    }
    signal.throwIfAborted();
  } finally {
    // Not awaited: a source that waits for its next chunk would keep the caller waiting, too.
    Promise.resolve(iterator.return?.()).catch(() => {});
  }
}

function isIterable(source: unknown): boolean {
  const object = Object(source);
  return Symbol.asyncIterator in object || Symbol.iterator in object;
}

function describe(value: unknown): string {
  return Object.prototype.toString.call(value);
}

/** The listener goes with each promise: one promise to race against for a whole stream would collect a closure a chunk. */
function orAborted<T>(value: T | Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    // The source itself may have raised it, before there was anybody to hear it.
    if (signal.aborted) abort();
    Promise.resolve(value)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", abort));
  });
}
