/**
 * Checks of the tree that linters do not make: import direction, cycles, glossary words, sizes, docblocks on exports.
 * Prints every breach and exits with 1 if there is one.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import ts from "typescript";

const root = join(import.meta.dirname, "..");

/** Layers from the bottom up: a file may import from its own layer and from those below, never from above. */
const layers: readonly (readonly string[])[] = [
  ["kernels", "errors"],
  ["audio", "features", "sampling", "rvq", "tokens", "container", "graph", "checkpoints", "system-card"],
  ["runtime"],
  ["encoder", "decoder", "vocoder", "synthesis"],
  [
    "pipeline",
    "streaming",
    "codec",
    "codec-definition",
    "load-definition",
    "load-codec",
    "vocoder-definition",
    "load-vocoder",
    "speech-model-definition",
    "load-speech-model",
  ],
  ["codecs"],
  ["index"],
  ["cli"],
];
/** Folders of one layer that still must not know each other. */
const leafFolders = new Set(["kernels"]);

/** Identifiers that the glossary replaces (docs/glossary.md). */
const rejectedNames = new Map([
  ["n_q", "numCodebooks"],
  ["numQuantizers", "numCodebooks"],
  ["bandwidth", "bitsPerSecond"],
  ["kbps", "bitsPerSecond"],
  ["z_q", "quantized"],
  ["cardinality", "codebookSize"],
  ["samplingRate", "sampleRate"],
]);
const maxModuleLines = 400;
const maxFunctionLines = 80;

interface Module {
  readonly path: string;
  readonly source: ts.SourceFile;
  /** Files of this tree that it imports, without their endings. */
  readonly imports: readonly string[];
  /** Packages and Node modules that it imports. */
  readonly packages: readonly string[];
}

const breaches: string[] = [];
const modules = ["src", "codecs"].flatMap((folder) => sourceFiles(join(root, folder))).map(readModule);
const known = new Set(modules.map((module) => module.path));
for (const module of modules) {
  checkDirection(module);
  checkWords(module);
  checkSizes(module);
  checkDocblocks(module);
}
checkCycles();
for (const breach of breaches) console.error(breach);
console.log(`${modules.length} modules checked, ${breaches.length} breaches`);
process.exitCode = breaches.length > 0 ? 1 : 0;

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts") && !name.endsWith(".generated.ts"))
    .filter((name) => !name.split(sep).includes("assembly"))
    .map((name) => join(folder, name));
}

function readModule(file: string): Module {
  const text = readFileSync(file, "utf8");
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const names = ts.preProcessFile(text).importedFiles.map((found) => found.fileName);
  const imports = names.filter((name) => name.startsWith(".")).map((name) => relative(root, join(dirname(file), name)));
  const packages = names.filter((name) => !name.startsWith("."));
  return { path: relative(root, file), source, imports, packages };
}

/** The name that a path has in `layers`: its folder under src, or the file itself at the top. */
function layerName(path: string): string {
  const [top = "", second = ""] = path.split(sep);
  return top === "codecs" ? "codecs" : second.replace(/\.ts$/, "");
}

function layerOf(path: string): number {
  return layers.findIndex((names) => names.includes(layerName(path)));
}

function checkDirection(module: Module): void {
  const own = layerOf(module.path);
  if (own < 0) breaches.push(`${module.path}: is in no layer; add it to scripts/check.ts and ARCHITECTURE.md`);
  for (const imported of module.imports) {
    const isUpward = layerOf(imported) > own || (layerOf(imported) < 0 && !imported.endsWith(".json"));
    const isSideways = leafFolders.has(layerName(module.path)) && layerName(imported) !== layerName(module.path);
    if (isUpward || isSideways) breaches.push(`${module.path}: imports ${imported}, which stands above it`);
  }
  if (leafFolders.has(layerName(module.path)) && module.packages.length > 0) {
    breaches.push(`${module.path}: imports ${module.packages}; kernels import nothing but each other`);
  }
}

function checkWords(module: Module): void {
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const instead = rejectedNames.get(node.text);
      if (instead !== undefined) breaches.push(`${at(module, node)}: "${node.text}" is "${instead}" here`);
    }
    ts.forEachChild(node, visit);
  };
  visit(module.source);
}

function checkSizes(module: Module): void {
  const numLines = module.source.getLineStarts().length;
  if (numLines > maxModuleLines) breaches.push(`${module.path}: ${numLines} lines, at most ${maxModuleLines}`);
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
      const lines = lineOf(module, node.end) - lineOf(module, node.body.getStart()) + 1;
      if (lines > maxFunctionLines) {
        breaches.push(`${at(module, node)}: a function of ${lines} lines, at most ${maxFunctionLines}`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(module.source);
}

function checkDocblocks(module: Module): void {
  const documented = new Set<string>();
  for (const statement of module.source.statements) {
    const isExported = ts.canHaveModifiers(statement)
      ? ts.getModifiers(statement)?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword)
      : false;
    const isCode = ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement);
    const name = isCode ? (statement.name?.text ?? "") : "";
    const isDocumented = ts.getJSDocCommentsAndTags(statement).length > 0;
    if (isDocumented) documented.add(name);
    // Of overloads the first one carries the docblock.
    if (isExported && isCode && !documented.has(name)) {
      breaches.push(`${at(module, statement)}: an export without a docblock`);
    }
  }
}

function checkCycles(): void {
  const edges = new Map(modules.map((module) => [module.path, module.imports.flatMap(resolve)]));
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      breaches.push(`import cycle: ${[...trail.slice(trail.indexOf(path)), path].join(" -> ")}`);
      return;
    }
    if (finished.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    finished.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
}

function resolve(path: string): string[] {
  return [`${path}.ts`, join(path, "index.ts")].filter((candidate) => known.has(candidate));
}

function lineOf(module: Module, position: number): number {
  return module.source.getLineAndCharacterOfPosition(position).line;
}

function at(module: Module, node: ts.Node): string {
  return `${module.path}:${lineOf(module, node.getStart()) + 1}`;
}
