import { cp } from "node:fs/promises";
import { defineConfig } from "tsup";

const shared = {
  tsconfig: "tsconfig.build.json",
  target: "node20",
  sourcemap: true,
  splitting: true,
  // Eighty small modules of which a few are used: inside the bundle they load sooner.
  noExternal: ["@bufbuild/protobuf"] as string[],
};

export default defineConfig([
  {
    ...shared,
    entry: {
      index: "src/index.ts",
      audio: "src/audio/index.ts",
      container: "src/container/index.ts",
      checkpoints: "src/checkpoints/index.ts",
      rvq: "src/rvq/index.ts",
      runtime: "src/runtime/index.ts",
      graph: "src/graph/index.ts",
      "speech-16k": "codecs/speech-16k/index.ts",
      soundstream: "codecs/soundstream/index.ts",
      encodec: "codecs/encodec/index.ts",
      "lyra-v2": "codecs/lyra-v2/index.ts",
      "hifi-gan": "codecs/hifi-gan/index.ts",
      diffwave: "codecs/diffwave/index.ts",
      vocos: "codecs/vocos/index.ts",
      vits: "codecs/vits/index.ts",
    },
    format: ["esm", "cjs"],
    dts: true,
    // CommonJS output gets an import.meta.url of its own: the embedded weights are found beside the bundle.
    shims: true,
    // The code that reads them may land in any chunk at the top of dist/, so they lie beside all of them.
    onSuccess: () => cp("codecs/speech-16k/weights", "dist/weights", { recursive: true }),
  },
  { ...shared, entry: { cli: "src/cli/main.ts" }, format: ["esm"] },
]);
