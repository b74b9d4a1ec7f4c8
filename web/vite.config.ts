// Builds the page into the Python package, with fixed names, so that what is served is what is committed.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { defineConfig, type Plugin } from "vite";

const here = import.meta.dirname;
const NOT_SOURCES = new Set(["node_modules", "dist", ".vite"]);

/** One line a file, `sha256  path`, sorted: what the bundle was made of. tests/server/test_page.py makes the same. */
function sources(): string {
  const lines: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (NOT_SOURCES.has(entry.name)) continue;
      if (entry.isDirectory()) walk(path);
      else lines.push(`${createHash("sha256").update(readFileSync(path)).digest("hex")}  ${relative(here, path)}`);
    }
  };
  walk(here);
  return lines.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join("\n") + "\n";
}

/** The licences of what is in the bundle beside our own code. */
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

function accounts(): Plugin {
  return {
    name: "accounts",
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
  plugins: [accounts()],
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
