import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { InputError, judge, UsageError } from "../../../src/cli/exit-codes";
import { AudioFormatError, ContainerError, ModelError } from "../../../src/errors";

const running = new AbortController().signal;
const fileError = (code: string, path?: string) => Object.assign(new Error(code), { code, path });

describe("judge", () => {
  it("calls faults of the command usage", () => {
    expect(judge(new UsageError("write it so"), running)).toEqual({ exitCode: 2, message: "write it so" });
    expect(judge(new RangeError('"numCodebooks" expected at most 12, got 13'), running).exitCode).toBe(2);
    expect(judge(new CommanderError(1, "commander.unknownOption", ""), running)).toEqual({ exitCode: 2, message: "" });
    expect(judge(new CommanderError(0, "commander.help", ""), running)).toEqual({ exitCode: 0, message: "" });
  });

  it("calls faults of the world failures", () => {
    expect(judge(new AudioFormatError("corrupt-audio", "broken; convert it"), running)).toEqual({
      exitCode: 1,
      message: "broken; convert it",
    });
    expect(judge(new ModelError("unknown-codec", "no such codec; see models"), running).exitCode).toBe(1);
    const damaged = new ContainerError("truncated", "cut off", { byteOffset: 9, packetIndex: 0 });
    expect(judge(damaged, running)).toEqual({ exitCode: 1, message: "cut off" });
    expect(judge(new InputError("a.qtn: cut off"), running)).toEqual({ exitCode: 1, message: "a.qtn: cut off" });
  });

  it.each(["ENOENT", "ENOTDIR", "EACCES", "EPERM", "EISDIR", "EEXIST", "EROFS", "ENOSPC"])("explains %s", (code) => {
    const { exitCode, message } = judge(fileError(code, "a.wav"), running);
    expect(exitCode).toBe(1);
    expect(message).toMatch(/^a\.wav: .*; .+/);
    expect(judge(fileError(code), running).message).toMatch(/^the file: /);
  });

  it("says nothing to whoever stopped reading", () => {
    expect(judge(fileError("EPIPE"), running)).toEqual({ exitCode: 1, message: "" });
  });

  it("knows an interrupt, whatever it looks like", () => {
    const { exitCode, message } = judge(new Error("premature close"), AbortSignal.abort());
    expect({ exitCode, message }).toEqual({ exitCode: 130, message: "stopped; nothing was left behind" });
  });

  it("shows faults of the program with their place", () => {
    const { exitCode, message } = judge(new TypeError("Cannot read properties of undefined"), running);
    expect(exitCode).toBe(1);
    expect(message).toMatch(/^unexpected: TypeError: Cannot read.*exit-codes\.test/s);
    expect(message).toMatch(/report it/);
    expect(judge("odd", running)).toEqual({ exitCode: 1, message: "odd" });
  });
});
