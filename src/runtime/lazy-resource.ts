/** A network that is built when it is first needed. */
import { BackendError } from "../errors";

/** Opens a resource at the first `get`, gives the same one at every later one, and disposes it once. */
export class LazyResource<T extends { dispose(): Promise<void> }> {
  readonly #open: () => Promise<T>;
  #resource: Promise<T> | undefined;
  #isDisposed = false;

  constructor(open: () => Promise<T>) {
    this.#open = open;
  }

  /** @throws {BackendError} code `disposed` after `dispose` */
  get(): Promise<T> {
    if (this.#isDisposed) {
      const message = "the codec was disposed; load it again before using it";
      return Promise.reject(new BackendError("disposed", message, { backend: "codec" }));
    }
    if (this.#resource === undefined) {
      const opening = this.#open();
      // A failure is not kept: the next call tries again, perhaps after the caller has mended its cause.
      opening.catch(() => {
        this.#resource = undefined;
      });
      this.#resource = opening;
    }
    return this.#resource;
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
    const resource = this.#resource;
    this.#resource = undefined;
    await (await resource)?.dispose();
  }
}
