import { afterEach, describe, expect, it, vi } from "vitest";
import { loadOnnxRuntime, reasonOf, resolveOnnxRuntime } from "../../../src/runtime/onnxruntime-package";

const isInstalled = vi.hoisted(() => ({ value: true }));

vi.mock("node:module", async (importOriginal) => {
  const original = await importOriginal<typeof import("node:module")>();
  const createRequire: typeof original.createRequire = (path) => {
    const require = original.createRequire(path);
    if (isInstalled.value) return require;
    return Object.assign(() => {}, require, {
      resolve: () => {
        throw new Error("Cannot find module");
      },
    }) as unknown as NodeJS.Require;
  };
  return { ...original, createRequire };
});

afterEach(() => {
  isInstalled.value = true;
});

describe("onnxruntime-node", () => {
  it("is found and loaded", async () => {
    expect(resolveOnnxRuntime()).toContain("onnxruntime-node");
    expect(await loadOnnxRuntime()).toHaveProperty("InferenceSession");
  });

  it("that is not installed is a typed error that says how to install it", async () => {
    isInstalled.value = false;
    await expect(loadOnnxRuntime()).rejects.toThrow(
      expect.objectContaining({
        name: "BackendError",
        code: "backend-unavailable",
        backend: "onnxruntime-node",
        message: "onnxruntime-node is not installed; run: npm install onnxruntime-node",
      }),
    );
  });
});

describe("reasonOf", () => {
  it("drops the place in the runtime's own source, further lines, and the full stop", () => {
    const failure = new Error(
      "/src/webgpu_context.cc:136 Initialize(const Config&)::<lambda()> result.status == Success was false. " +
        "Failed to get a WebGPU adapter: No supported adapters\n\nmore",
    );
    expect(reasonOf(failure)).toBe("Failed to get a WebGPU adapter: No supported adapters");
    expect(reasonOf(new Error("Protobuf parsing failed."))).toBe("Protobuf parsing failed");
    expect(reasonOf("a text")).toBe("a text");
  });
});
