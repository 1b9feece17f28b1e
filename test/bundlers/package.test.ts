/** The packed package in an empty folder: the README's code and the command line run, the package's linters and TypeScript agree. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";
import { afterAll, describe, expect, it, vi } from "vitest";
import { describeBlocks, writeModels } from "../docs/blocks.ts";
import { HAS_TOOLS, installPacked, NO_TOOLS } from "./packed.ts";

// A busy machine is slow, not wrong.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const packed = installPacked();
writeModels(packed.folder);
const installed = join(packed.folder, "node_modules", "sluice");

afterAll(() => packed.remove());

describeBlocks(
  "README.md, with the package installed from its tarball",
  readFileSync(fileURLToPath(new URL("../../README.md", import.meta.url)), "utf8"),
  packed.folder,
);

describe("the installed package", () => {
  it("brings its command", () => {
    expect(packed.tool("sluice", ["inspect", "model.safetensors"])).toContain("gru");
  });

  it("brings nothing else along", () => {
    expect(readdirSync(join(packed.folder, "node_modules")).filter((name) => !name.startsWith("."))).toEqual([
      "sluice",
    ]);
    expect(readdirSync(installed).sort()).toEqual(
      [
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "THIRD-PARTY.md",
        "assembly",
        "dist",
        "docs",
        "package.json",
        "src",
      ].sort(),
    );
  });

  // The command runs in Node alone.
  const scripts = readdirSync(join(installed, "dist")).filter((name) => name.endsWith(".js") && name !== "cli.js");

  it.each(scripts)(
    "dist/%s makes no code from text, imports no source phase, waits for nothing at its top level",
    async (name) => {
      const text = readFileSync(join(installed, "dist", name), "utf8");
      // esbuild refuses a top-level await where the target has none.
      const { code } = await transform(text, { supported: { "top-level-await": false }, legalComments: "none" });
      expect(code).not.toMatch(/\beval\s*\(|\bnew\s+Function\b|\bFunction\s*\(|\bimport\s+source\b|\bimport\.source\b/);
    },
  );

  it("is bundled by esbuild without a warning", async () => {
    const { warnings } = await build({
      entryPoints: [join(packed.folder, "page", "main.js")],
      bundle: true,
      write: false,
      format: "esm",
      logLevel: "silent",
    });
    expect(warnings).toEqual([]);
  });
});

describe.skipIf(!HAS_TOOLS)(`tools${NO_TOOLS}`, () => {
  it("publint finds nothing", () => {
    expect(packed.tool("publint", ["--strict", packed.tarball])).toContain("All good!");
  });

  it("attw finds nothing", () => {
    expect(packed.tool("attw", ["--profile", "esm-only", "--no-color", packed.tarball])).not.toMatch(/❌|🥴|🐛|🤨|👺/u);
  });

  const compilers = ["typescript", "typescript-5.6"];
  const resolutions = ["nodenext", "bundler"];
  it.each(compilers.flatMap((name) => resolutions.map((resolution) => [name, resolution])))(
    "%s compiles a program over every entry under %s",
    (compiler, resolution) => {
      const tsc = fileURLToPath(new URL(`node_modules/${compiler}/bin/tsc`, import.meta.url));
      const module = resolution === "nodenext" ? "nodenext" : "esnext";
      const flags = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom,dom.iterable"];
      expect(
        packed.tool("node", [tsc, ...flags, "--module", module, "--moduleResolution", resolution, "consumer.ts"]),
      ).toBe("");
    },
  );
});
