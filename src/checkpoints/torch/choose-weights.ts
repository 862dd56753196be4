/**
 * The values of a checkpoint -> the one dict of tensors that is wanted.
 *
 * What authors publish is a state dict, or a dict that has one somewhere beside an optimizer, a configuration, a second
 * network. Which one is meant is never guessed: if there are several the error lists them.
 */
import { CheckpointError } from "../../errors";
import { PickleObject } from "./pickle";
import { TorchTensor } from "./torch-objects";

/** Dicts nest this deep in no published checkpoint, and the search must end. */
const maxDepth = 6;
const maxVisited = 100_000;
const maxListed = 20;
/** State that follows the shapes of weights but is none. */
const trainingState = /optim|sched|scaler/i;

/** The names of a dict with tensors, with the way to it. */
export interface Candidate {
  readonly path: readonly string[];
  readonly tensors: ReadonlyMap<string, TorchTensor>;
}

/**
 * Takes the dict of tensors at a path, or the only one there is.
 *
 * @param path  keys from the top, such as `["best_state", "model"]`
 * @throws {CheckpointError} `no-weights` when there is none there, `ambiguous-weights` when there are several
 */
export function chooseWeights(root: unknown, path: readonly string[] | undefined): Candidate {
  const start = path === undefined ? root : follow(root, path);
  const found = findCandidates(start, path ?? []);
  // Tensors at the path itself were asked for, whatever lies below.
  const direct = path && found.find((candidate) => candidate.path.length === path.length);
  const chosen = direct ?? (found.length === 1 ? found[0] : undefined);
  if (chosen !== undefined) return chosen;
  if (found.length === 0) {
    const problem = `no dict of tensors is in the checkpoint; it has ${describe(start)}`;
    throw new CheckpointError("no-weights", `${problem}; give the path of the one that is wanted as "select"`);
  }
  const list = found.slice(0, maxListed).map((candidate) => JSON.stringify(candidate.path).slice(0, 200));
  throw new CheckpointError(
    "ambiguous-weights",
    `the checkpoint has ${found.length} dicts of tensors: ${list.join(", ")}; give one of them as "select"`,
  );
}

function follow(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const [depth, key] of path.entries()) {
    const entries = entriesOf(value);
    if (entries === undefined || !entries.has(key)) {
      const place = JSON.stringify(path.slice(0, depth + 1));
      throw new CheckpointError(
        "no-weights",
        `nothing is at ${place}; the checkpoint has ${describe(value)} there; correct "select"`,
      );
    }
    value = entries.get(key);
  }
  return value;
}

/** Looks breadth first, so that what is found first is nearest to the top. */
function findCandidates(start: unknown, startPath: readonly string[]): Candidate[] {
  const found: Candidate[] = [];
  const seen = new Set<unknown>([start]);
  const queue: { value: unknown; path: readonly string[] }[] = [{ value: start, path: startPath }];
  for (let index = 0; index < queue.length && index < maxVisited; index++) {
    const { value, path } = queue[index] as { value: unknown; path: readonly string[] };
    const entries = entriesOf(value);
    if (entries === undefined) continue;
    const tensors = new Map<string, TorchTensor>();
    for (const [key, item] of entries) {
      if (typeof key !== "string") continue;
      if (item instanceof TorchTensor) tensors.set(key, item);
      else if (path.length < maxDepth && !seen.has(item) && entriesOf(item) && !trainingState.test(key)) {
        seen.add(item);
        queue.push({ value: item, path: [...path, key] });
      }
    }
    // Integers alone are counters and the states of random generators.
    if ([...tensors.values()].some(({ dtype }) => /^B?F/.test(dtype))) found.push({ path, tensors });
  }
  return found;
}

/** A dict, or an object of a class that is a kind of dict. */
function entriesOf(value: unknown): ReadonlyMap<unknown, unknown> | undefined {
  if (value instanceof Map) return value;
  return value instanceof PickleObject && value.entries.size > 0 ? value.entries : undefined;
}

function describe(value: unknown): string {
  const entries = entriesOf(value);
  if (entries !== undefined) {
    const keys = [...entries.keys()].slice(0, maxListed).map((key) => JSON.stringify(String(key)).slice(0, 80));
    return entries.size === 0 ? "an empty dict" : `the keys ${keys.join(", ")}`;
  }
  if (value instanceof PickleObject) return `an object of ${value.className.slice(0, 200)}`;
  if (value instanceof TorchTensor) return "a tensor";
  return Array.isArray(value) ? "a list" : `a ${typeof value}`;
}
