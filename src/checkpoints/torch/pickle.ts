/**
 * Pickle bytes -> plain values, without running anything.
 *
 * A pickle is a program for a stack machine. This machine has the instructions that build data; what Python would import
 * is only a name here (`PickleGlobal`), and what it would call goes to `PickleHost.construct`, which knows a fixed list
 * of constructors. An instance of any other class becomes a `PickleObject`: a name with data, that does nothing.
 *
 * Each instruction makes a bounded amount of data, instructions and containers are counted, and nothing recurses, so
 * time and memory are bounded by limits and by the length of the file. Data may be cyclic.
 *
 * Source   Python's pickletools (opcodes of protocols 2 to 5); PEP 307, 3154
 */
import { CheckpointError } from "../../errors";
import type { ByteCursor } from "./byte-cursor";

/** What a pickle would import, by the name it goes by. */
export class PickleGlobal {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** An object that was there in Python: its class and its data, no behaviour. */
export class PickleObject {
  readonly className: string;
  readonly args: readonly unknown[];
  /** What the object's dictionary was set to. */
  state: unknown = undefined;
  /** What was put into it, where its class is a kind of dict or list. */
  readonly entries = new Map<unknown, unknown>();
  readonly items: unknown[] = [];

  constructor(className: string, args: readonly unknown[]) {
    this.className = className;
    this.args = args;
  }
}

/** What a kind of file adds to the machine. */
export interface PickleHost {
  /** The value of a call, or an error that names it. */
  construct(name: string, args: readonly unknown[]): unknown;
  /** The value that a reference out of the pickle stands for. */
  persistentLoad(id: unknown): unknown;
}

const limits = {
  /** A training checkpoint with 10,000 tensors and its optimizer takes about 2 million instructions. */
  instructions: 8_000_000,
  containers: 1_000_000,
  stack: 1_000_000,
  /** Every container, text and name is stored once, whether it is recalled or not. */
  memo: 2_000_000,
  /** An integer of Python has any length; what is a size, a count or a magic number fits into this. */
  integerBytes: 64,
  nameBytes: 1024,
} as const;

type Instruction = (machine: Machine) => void;

/**
 * Runs one pickle and leaves the cursor behind it.
 *
 * Values are null, booleans, numbers (bigint beyond 2^53), strings, Uint8Array, arrays for lists and tuples, Map for
 * dicts, Set, and what `host` makes.
 *
 * @throws {CheckpointError} `truncated`, `corrupt`, `limit-exceeded`, or `refused-call` from the host
 */
export function readPickle(cursor: ByteCursor, host: PickleHost): unknown {
  const machine = new Machine(cursor, host);
  for (let count = 0; count < limits.instructions; count++) {
    const code = cursor.byte();
    if (code === stopCode) return machine.finish();
    const instruction = instructions.get(code);
    if (instruction === undefined) {
      throw corrupt(`the instruction 0x${code.toString(16)} at byte ${cursor.offset - 1} is not of a checkpoint`);
    }
    instruction(machine);
  }
  throw tooMuch("instructions", limits.instructions);
}

/** The stack, the marks in it, and the memo. */
class Machine {
  readonly cursor: ByteCursor;
  readonly host: PickleHost;
  readonly #stack: unknown[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();
  #numContainers = 0;

  constructor(cursor: ByteCursor, host: PickleHost) {
    this.cursor = cursor;
    this.host = host;
  }

  push(value: unknown): void {
    if (this.#stack.length >= limits.stack) throw tooMuch("values on the stack", limits.stack);
    this.#stack.push(value);
  }

  /** Pushes a value that takes memory of its own. */
  pushContainer(value: unknown): void {
    this.#numContainers++;
    if (this.#numContainers > limits.containers) throw tooMuch("containers", limits.containers);
    this.push(value);
  }

  pop(): unknown {
    this.#requireValue();
    return this.#stack.pop();
  }

  top(): unknown {
    this.#requireValue();
    return this.#stack[this.#stack.length - 1];
  }

  mark(): void {
    if (this.#marks.length >= limits.stack) throw tooMuch("marks on the stack", limits.stack);
    this.#marks.push(this.#stack.length);
  }

  /** Takes all values above the last mark, and the mark. */
  popToMark(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw corrupt("the pickle takes values down to a mark that it did not set");
    return this.#stack.splice(mark);
  }

  /** Takes the last value, or the mark where one lies on top. */
  discard(): void {
    if (this.#marks.length > 0 && this.#marks[this.#marks.length - 1] === this.#stack.length) this.#marks.pop();
    else this.pop();
  }

  popList(): readonly unknown[] {
    const value = this.pop();
    if (!Array.isArray(value)) throw corrupt("the pickle calls with something that is no tuple");
    return value;
  }

  popGlobal(): string {
    const value = this.pop();
    if (!(value instanceof PickleGlobal)) throw corrupt("the pickle calls something that is no name");
    return value.name;
  }

  remember(key: number): void {
    if (this.#memo.size >= limits.memo) throw tooMuch("stored values", limits.memo);
    this.#memo.set(key, this.top());
  }

  get memoSize(): number {
    return this.#memo.size;
  }

  recall(key: number): void {
    if (!this.#memo.has(key)) throw corrupt(`the pickle recalls value ${key}, which it did not store`);
    this.push(this.#memo.get(key));
  }

  finish(): unknown {
    const result = this.pop();
    if (this.#stack.length > 0 || this.#marks.length > 0) throw corrupt("the pickle ends with values left over");
    return result;
  }

  /** A value below a mark belongs to somebody else until the mark is gone. */
  #requireValue(): void {
    if (this.#stack.length <= (this.#marks[this.#marks.length - 1] ?? 0)) {
      throw corrupt("the pickle takes a value from an empty stack");
    }
  }
}

const stopCode = 0x2e;

const utf8 = new TextDecoder("utf-8");
const latin1 = new TextDecoder("latin1");

/** By the letter or number that pickletools gives each. */
const instructionTable: readonly (readonly [string | number, Instruction])[] = [
  // PROTO and FRAME say nothing that matters here.
  [0x80, ({ cursor }) => void cursor.byte()],
  [0x95, ({ cursor }) => void cursor.bytes(8)],

  ["(", (machine) => machine.mark()],
  ["0", (machine) => machine.discard()],
  ["1", (machine) => void machine.popToMark()],
  ["2", (machine) => machine.push(machine.top())],

  ["N", (machine) => machine.push(null)],
  [0x88, (machine) => machine.push(true)],
  [0x89, (machine) => machine.push(false)],
  ["K", (machine) => machine.push(machine.cursor.byte())],
  ["M", (machine) => machine.push(machine.cursor.view(2).getUint16(0, true))],
  ["J", (machine) => machine.push(machine.cursor.view(4).getInt32(0, true))],
  ["G", (machine) => machine.push(machine.cursor.view(8).getFloat64(0, false))],
  [0x8a, (machine) => machine.push(readInteger(machine.cursor, machine.cursor.byte()))],
  [0x8b, (machine) => machine.push(readInteger(machine.cursor, length4(machine.cursor)))],

  ["U", (machine) => machine.push(latin1.decode(machine.cursor.bytes(machine.cursor.byte())))],
  ["T", (machine) => machine.push(latin1.decode(machine.cursor.bytes(length4(machine.cursor))))],
  [0x8c, (machine) => machine.push(utf8.decode(machine.cursor.bytes(machine.cursor.byte())))],
  ["X", (machine) => machine.push(utf8.decode(machine.cursor.bytes(length4(machine.cursor))))],
  [0x8d, (machine) => machine.push(utf8.decode(machine.cursor.bytes(length8(machine.cursor))))],
  ["C", (machine) => machine.push(machine.cursor.bytes(machine.cursor.byte()).slice())],
  ["B", (machine) => machine.push(machine.cursor.bytes(length4(machine.cursor)).slice())],
  [0x8e, (machine) => machine.push(machine.cursor.bytes(length8(machine.cursor)).slice())],
  [0x96, (machine) => machine.push(machine.cursor.bytes(length8(machine.cursor)).slice())],

  [")", (machine) => machine.pushContainer([])],
  [0x85, (machine) => machine.pushContainer([machine.pop()])],
  [0x86, (machine) => machine.pushContainer([machine.pop(), machine.pop()].reverse())],
  [0x87, (machine) => machine.pushContainer([machine.pop(), machine.pop(), machine.pop()].reverse())],
  ["t", (machine) => machine.pushContainer(machine.popToMark())],
  ["]", (machine) => machine.pushContainer([])],
  ["l", (machine) => machine.pushContainer(machine.popToMark())],
  ["a", (machine) => append(machine, [machine.pop()])],
  ["e", (machine) => append(machine, machine.popToMark())],
  ["}", (machine) => machine.pushContainer(new Map())],
  ["d", (machine) => machine.pushContainer(assign(new Map(), machine.popToMark()))],
  ["s", (machine) => setItems(machine, [machine.pop(), machine.pop()].reverse())],
  ["u", (machine) => setItems(machine, machine.popToMark())],
  [0x8f, (machine) => machine.pushContainer(new Set())],
  [0x90, (machine) => addItems(machine, machine.popToMark())],
  [0x91, (machine) => machine.pushContainer(new Set(machine.popToMark()))],

  ["q", (machine) => machine.remember(machine.cursor.byte())],
  ["r", (machine) => machine.remember(length4(machine.cursor))],
  [0x94, (machine) => machine.remember(machine.memoSize)],
  ["h", (machine) => machine.recall(machine.cursor.byte())],
  ["j", (machine) => machine.recall(length4(machine.cursor))],

  ["c", pushGlobal],
  [0x93, pushStackGlobal],
  ["R", reduce],
  [0x81, makeObject],
  [0x92, makeObjectFromKeywords],
  ["b", build],
  ["Q", (machine) => machine.push(machine.host.persistentLoad(machine.pop()))],
];

const instructions: ReadonlyMap<number, Instruction> = new Map(
  instructionTable.map(([code, run]) => [typeof code === "string" ? code.charCodeAt(0) : code, run]),
);

function pushGlobal(machine: Machine): void {
  const module = utf8.decode(machine.cursor.line(limits.nameBytes));
  machine.pushContainer(new PickleGlobal(`${module}.${utf8.decode(machine.cursor.line(limits.nameBytes))}`));
}

function pushStackGlobal(machine: Machine): void {
  const name = machine.pop();
  const module = machine.pop();
  if (typeof name !== "string" || typeof module !== "string") throw corrupt("the pickle imports what is no name");
  if (name.length + module.length > 2 * limits.nameBytes) throw tooMuch("letters in a name", limits.nameBytes);
  machine.pushContainer(new PickleGlobal(`${module}.${name}`));
}

function reduce(machine: Machine): void {
  const args = machine.popList();
  machine.pushContainer(machine.host.construct(machine.popGlobal(), args));
}

/** An instance without its constructor having run: in Python this is `cls.__new__`, which for a class only allocates. */
function makeObject(machine: Machine): void {
  const args = machine.popList();
  machine.pushContainer(new PickleObject(machine.popGlobal(), args));
}

function makeObjectFromKeywords(machine: Machine): void {
  // Arguments by keyword are not kept: no class that checkpoints carry takes weights or settings that way.
  machine.pop();
  makeObject(machine);
}

/** Attributes of a dict or a tensor carry no weights: PyTorch notes the versions of modules there. */
function build(machine: Machine): void {
  const state = machine.pop();
  const target = machine.top();
  if (target instanceof PickleObject) target.state = state;
}

function append(machine: Machine, values: readonly unknown[]): void {
  const target = machine.top();
  const list = target instanceof PickleObject ? target.items : target;
  if (!Array.isArray(list)) throw corrupt("the pickle appends to something that is no list");
  for (const value of values) list.push(value);
}

function addItems(machine: Machine, values: readonly unknown[]): void {
  const target = machine.top();
  if (!(target instanceof Set)) throw corrupt("the pickle adds to something that is no set");
  for (const value of values) target.add(value);
}

function setItems(machine: Machine, pairs: readonly unknown[]): void {
  const target = machine.top();
  const map = target instanceof PickleObject ? target.entries : target;
  if (!(map instanceof Map)) throw corrupt("the pickle sets an item of something that is no dict");
  assign(map, pairs);
}

function assign(map: Map<unknown, unknown>, pairs: readonly unknown[]): Map<unknown, unknown> {
  if (pairs.length % 2 !== 0) throw corrupt("the pickle sets a key without a value");
  for (let index = 0; index < pairs.length; index += 2) map.set(pairs[index], pairs[index + 1]);
  return map;
}

/** Two's complement, little-endian. */
function readInteger(cursor: ByteCursor, length: number): number | bigint {
  if (length > limits.integerBytes) throw tooMuch("bytes of an integer", limits.integerBytes);
  const value = cursor.bytes(length).reduceRight((higher, byte) => (higher << 8n) | BigInt(byte), 0n);
  const signed = BigInt.asIntN(8 * length, value);
  const number = Number(signed);
  return Number.isSafeInteger(number) ? number : signed;
}

function length4(cursor: ByteCursor): number {
  return cursor.view(4).getUint32(0, true);
}

function length8(cursor: ByteCursor): number {
  return Number(cursor.view(8).getBigUint64(0, true));
}

function corrupt(problem: string): CheckpointError {
  return new CheckpointError("corrupt", `${problem}; check where the file came from`);
}

function tooMuch(what: string, limit: number): CheckpointError {
  return new CheckpointError("limit-exceeded", `the pickle has more than ${limit} ${what}; save the weights alone`);
}
