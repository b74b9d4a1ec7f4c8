// Builds the page into the Python package, with fixed file names, because the build is committed.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { defineConfig, type Plugin } from "vite";

const here = import.meta.dirname;
// Not part of the bundle: types, tests and tools.
const EXCLUDED = new Set([
  "node_modules",
  "dist",
  ".vite",
  "tests",
  "openapi.json",
  "api.generated.ts",
  "eslint.config.js",
  ".prettierrc.json",
  ".prettierignore",
]);

/** One line per source file, `sha256  path`, sorted. tests/server/test_static_page.py computes the same. */
function sources(): string {
  const lines: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (EXCLUDED.has(entry.name)) continue;
      if (entry.isDirectory()) walk(path);
      else lines.push(`${createHash("sha256").update(readFileSync(path)).digest("hex")}  ${relative(here, path)}`);
    }
  };
  walk(here);
  return lines.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join("\n") + "\n";
}

/** The licences of the packages in the bundle. */
function licences(): string {
  const packages = ["preact", "@preact/signals", "@preact/signals-core"];
  return packages
    .map((name) => {
      const folder = join(here, "node_modules", name);
      const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
      return `${name} ${version}\n\n${readFileSync(join(folder, "LICENSE"), "utf8").trim()}\n`;
    })
    .join("\n\n");
}

function provenance(): Plugin {
  return {
    name: "provenance",
    apply: "build",
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "SOURCES", source: sources() });
      this.emitFile({ type: "asset", fileName: "LICENSES", source: licences() });
    },
  };
}

export default defineConfig({
  base: "/",
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  plugins: [provenance()],
  server: { proxy: { "/api": process.env["NITAKAO_SERVER"] ?? "http://127.0.0.1:8000" } },
  build: {
    outDir: join(here, "../src/nitakao/server/page"),
    emptyOutDir: true,
    modulePreload: false,
    assetsInlineLimit: 0,
    target: "es2022",
    rollupOptions: {
      output: { entryFileNames: "page.js", chunkFileNames: "[name].js", assetFileNames: "[name][extname]" },
    },
  },
});
