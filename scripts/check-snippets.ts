/**
 * Runs every snippet of the README and the guides, in order, in a scratch folder that holds the bundled clip as
 * `speech.flac`: TypeScript through tsx against the built package, shell through bash. TypeScript is checked against the
 * package's declarations first, as a strict project would.
 *
 * Blocks that install (`npm ci`, `npm install`) are left out: CI runs those commands by themselves. Each other block must
 * exit with 0. A page without a snippet, or a block in a language that is neither, is a failure too.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

const root = join(import.meta.dirname, "..");
/** Inside the package, so that `import "quantone"` finds the package itself. */
const scratch = join(root, ".snippets");
const clip = join(root, "docs", "examples", "demo-speech.flac");

interface Snippet {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

const guides = join(root, "docs", "guides");
const pages = ["README.md", ...readdirSync(guides).map((name) => join("docs", "guides", name))];
let numRun = 0;
let numFailed = 0;
for (const page of pages) {
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(join(scratch, "bin"), { recursive: true });
  // What installing the package would put on the path.
  symlinkSync(join(root, "dist", "cli.js"), join(scratch, "bin", "quantone"));
  copyFileSync(clip, join(scratch, "speech.flac"));
  const snippets = readSnippets(page).filter((snippet) => !/\bnpm (ci|install|rebuild)\b/.test(snippet.code));
  if (snippets.length === 0 && page === "README.md") throw new Error("the README shows no snippet");
  for (const snippet of snippets) {
    numRun += 1;
    const where = `${snippet.page}:${snippet.line}`;
    try {
      checkTypes(snippet);
      runSnippet(snippet);
      console.log(`${where}: ok`);
    } catch (error) {
      numFailed += 1;
      console.error(`${where}: FAILED\n${(error as { stderr?: string }).stderr ?? String(error)}`);
    }
  }
}
rmSync(scratch, { recursive: true, force: true });
console.log(`${numRun} snippets run, ${numFailed} failed`);
process.exitCode = numFailed > 0 ? 1 : 0;

function readSnippets(page: string): Snippet[] {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .map((match) => ({
      page,
      line: text.slice(0, match.index).split("\n").length,
      language: match[1] ?? "",
      code: match[2] ?? "",
    }))
    .filter((snippet) => snippet.language !== "text");
}

/** @throws {Error} that names each line of the page at which the types do not fit */
function checkTypes({ page, line, language, code }: Snippet): void {
  if (language !== "ts") return;
  const path = join(scratch, "snippet.ts");
  writeFileSync(path, code);
  const program = ts.createProgram([path], {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.dom.asynciterable.d.ts", "lib.esnext.disposable.d.ts"],
    types: ["node"],
    strict: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    noEmit: true,
  });
  const faults = ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    // The code begins in the line behind that of its fence.
    const at = file?.fileName === path ? `${page}:${line + 1 + file.getLineAndCharacterOfPosition(start).line}: ` : "";
    return at + ts.flattenDiagnosticMessageText(messageText, "\n");
  });
  if (faults.length > 0) throw new Error(faults.join("\n"));
}

function runSnippet({ language, code }: Snippet): void {
  const path = [join(scratch, "bin"), join(root, "node_modules", ".bin"), process.env.PATH].join(":");
  const environment = { ...process.env, PATH: path };
  const options = { cwd: scratch, env: environment, encoding: "utf8", stdio: "pipe", timeout: 120_000 } as const;
  if (language === "ts") {
    execFileSync("tsx", ["snippet.ts"], options);
  } else if (language === "sh") {
    execFileSync("bash", ["-euo", "pipefail", "-c", code], options);
  } else {
    throw new Error(`a snippet in "${language}" cannot be run; use ts, sh or text`);
  }
}
