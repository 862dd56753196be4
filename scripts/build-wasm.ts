/**
 * Compiles src/kernels/assembly/*.ts (AssemblyScript) into the base64 text of src/kernels/*.generated.ts.
 * With --check it only compares, and exits with 1 where the committed bytes are not what the source compiles to.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { main as compileAssembly } from "assemblyscript/asc";

const root = join(import.meta.dirname, "..");
const kernels = join(root, "src", "kernels");
const isCheck = process.argv.includes("--check");

/** No runtime and no bounds: the kernels allocate nothing, and bring their own memory. */
const flags = ["--optimizeLevel", "3", "--runtime", "stub", "--noAssert", "--importMemory", "--enable", "simd"];

for (const name of ["int16-matrices", "rvq", "beam-search"]) {
  const source = join("src", "kernels", "assembly", `${name}.ts`);
  const target = join(kernels, `${name}.generated.ts`);
  const bytes = await compile(source);
  const text = moduleText(source, bytes);
  const report = `${relative(root, target)}: ${bytes.length} bytes of WebAssembly`;
  if (!isCheck) {
    writeFileSync(target, text);
    console.log(`${report} written`);
  } else if (existsSync(target) && readFileSync(target, "utf8") === text) {
    console.log(`${report}, as committed`);
  } else {
    console.error(`${relative(root, target)} is not what ${source} compiles to; run \`npm run build:wasm\``);
    process.exitCode = 1;
  }
}

async function compile(source: string): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined;
  const { error, stderr } = await compileAssembly([source, "--outFile", "out.wasm", ...flags], {
    readFile: (name, folder) => {
      const path = join(root, folder, name);
      return existsSync(path) ? readFileSync(path, "utf8") : null;
    },
    writeFile: (_name, contents) => {
      if (typeof contents !== "string") bytes = contents;
    },
  });
  if (error !== null || bytes === undefined) throw new Error(`${source} does not compile:\n${stderr.toString()}`);
  return bytes;
}

function moduleText(source: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,110}/g) ?? [];
  const literal = lines.map((line) => `  "${line}"`).join(" +\n");
  return `/** Made by \`npm run build:wasm\` from ${source.replaceAll("\\", "/")}; ${bytes.length} bytes. */\nexport const wasmBase64 =\n${literal};\n`;
}
