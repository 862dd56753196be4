import { defineConfig } from "tsup";

const shared = { tsconfig: "tsconfig.build.json", target: "node20", sourcemap: true } as const;

export default defineConfig([
  {
    ...shared,
    entry: { index: "src/index.ts" },
    format: ["esm", "cjs"],
    dts: true,
    clean: true,
    // CommonJS output gets an import.meta.url of its own: the embedded weights are found beside the bundle.
    shims: true,
  },
]);
