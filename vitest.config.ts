import { defineConfig } from "vitest/config";

const report = process.env.QUANTONE_TEST_REPORT;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Two workers: the suite shares a two-core machine, and several ONNX Runtime sessions live at once.
    maxWorkers: 2,
    testTimeout: 60_000,
    // CI reads the counts from a file; people read them from the screen.
    ...(report !== undefined && { reporters: ["default", "json"], outputFile: { json: report } }),
  },
});
