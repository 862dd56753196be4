/** package.json, the bundler's config and the folders say the same of what can be imported. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import packageJson from "../../package.json";
import tsupConfig from "../../tsup.config";

const root = join(import.meta.dirname, "..", "..");
const [library] = tsupConfig as [{ entry: Record<string, string> }];
const exported = Object.entries(packageJson.exports).filter(
  (
    entry,
  ): entry is [string, { import: { types: string; default: string }; require: { types: string; default: string } }] =>
    typeof entry[1] !== "string",
);

describe("the exports", () => {
  it("are the bundles that are built, as modules and as CommonJS, with their types", () => {
    const built = Object.keys(library.entry).map((name) => ({
      import: { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` },
      require: { types: `./dist/${name}.d.cts`, default: `./dist/${name}.cjs` },
    }));
    expect(exported.map(([, target]) => target)).toEqual(expect.arrayContaining(built));
    expect(exported).toHaveLength(built.length);
    for (const source of Object.values(library.entry)) expect(existsSync(join(root, source)), source).toBe(true);
  });

  it("name every system by its folder", () => {
    const systems = readdirSync(join(root, "codecs"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const paths = exported.map(([path]) => path).filter((path) => path.startsWith("./codecs/"));
    expect(paths.sort()).toEqual(systems.map(({ name }) => `./codecs/${name}`).sort());
    for (const { name } of systems) expect(library.entry[name]).toBe(`codecs/${name}/index.ts`);
  });

  it("leave packages of weights out of the library", () => {
    const published = packageJson.files.filter((pattern) => pattern.startsWith("codecs"));
    expect(published).toEqual(["codecs/*/README.md"]);
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
    for (const folder of packageJson.workspaces) expect(lock.packages[folder], folder).toBeDefined();
  });
});
