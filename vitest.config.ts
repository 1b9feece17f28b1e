import { defineConfig } from "vitest/config";

// Node 20 has relaxed SIMD and WebSocket (test/browser/firefox.ts) behind flags; from 22 on they are there.
const old = Number(process.versions.node.split(".")[0]) < 22;
const flags = old ? ["--experimental-wasm-relaxed-simd", "--experimental-websocket"] : [];

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    execArgv: flags,
    // Against what hangs: a busy machine is slow, not wrong.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
