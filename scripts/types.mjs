// Declarations of the public entries: tsc writes them, and its imports of `.ts` become imports of what is published.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
execFileSync("npx", ["--no-install", "tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });
for (const name of readdirSync("dist/types", { recursive: true })) {
  if (!name.endsWith(".d.ts")) continue;
  const file = join("dist/types", name);
  writeFileSync(file, readFileSync(file, "utf8").replace(/(from |import\()"(\.[^"]*)\.ts"/g, '$1"$2.js"'));
}
