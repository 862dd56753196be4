import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/browser/**"],
    // Two workers: the suite shares a two-core machine, and several ONNX Runtime sessions live at once.
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
