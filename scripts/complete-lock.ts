/**
 * Adds to package-lock.json the optional platform packages that npm left out of it.
 *
 *     npm run lock
 *
 * npm drops an optional package from the lock file when the registry at hand does not serve it, as mirrors often do for
 * other platforms than their own. The lock file is then incomplete for everybody, and `npm ci` refuses it. What an entry
 * says follows from the parent, which asks for an exact version, and from the package's name, which tells the platform.
 * Run it after every `npm install` that changed the lock file; it changes nothing when the file is complete.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";

interface LockEntry {
  version?: string;
  dev?: boolean;
  optionalDependencies?: Record<string, string>;
}

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
/** Longer names first: `arm` is part of `arm64`. */
const processors = ["loong64", "mips64el", "riscv64", "arm64", "ppc64", "s390x", "x64", "ia32", "arm"];

const path = join(import.meta.dirname, "..", "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8")) as { packages: Record<string, LockEntry> };
const added: string[] = [];
for (const [parentPath, parent] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    if (!isLocked(parentPath, name, version)) add(parentPath, parent, name, version);
  }
}
if (added.length > 0) {
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
}
console.log(`${added.length} packages added${added.length > 0 ? `: ${added.join(", ")}` : ""}`);

/** Whether the package is where Node would find it from the parent: inside it, beside it, or in a folder above. */
function isLocked(parentPath: string, name: string, version: string): boolean {
  for (let folder = parentPath; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1))) {
    const found = lock.packages[posix.join(folder, "node_modules", name)];
    if (found !== undefined) return found.version === version || !/^\d/.test(version);
    if (folder === "") return false;
  }
}

function add(parentPath: string, parent: LockEntry, name: string, version: string): void {
  const os = systems.find((system) => name.includes(system));
  const cpu = processors.find((processor) => name.includes(processor));
  const libc = name.includes("musl") ? "musl" : name.includes("-gnu") && os === "linux" ? "glibc" : undefined;
  if (!/^\d/.test(version) || os === undefined || cpu === undefined) {
    throw new Error(`"${name}" of ${parentPath} expected an exact version and a platform in its name, got ${version}`);
  }
  const isNested = lock.packages[`node_modules/${name}`] !== undefined;
  const entry = {
    version,
    cpu: [cpu],
    ...(parent.dev && { dev: true }),
    ...(libc && { libc: [libc] }),
    optional: true,
    os: [os],
  };
  lock.packages[`${isNested ? `${parentPath}/` : ""}node_modules/${name}`] = entry;
  added.push(`${name}@${version}`);
}
