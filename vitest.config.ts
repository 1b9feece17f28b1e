import { defineConfig } from "vitest/config";

// Node 20 has relaxed SIMD behind a flag; from 22 on it is there.
const relaxed = Number(process.versions.node.split(".")[0]) < 22 ? ["--experimental-wasm-relaxed-simd"] : [];

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    execArgv: relaxed,
    // Against what hangs; a busy machine is not a failure.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
