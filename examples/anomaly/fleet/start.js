/** Starts the programs of the fleet on loopback: a NATS server with a folder of its own, workers, sensors. */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** → { port, stop() }, the latter a promise. Its files are in a temporary folder that goes with it. */
export async function startServer() {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "fleet-"));
  const server = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", folder], {
    stdio: "ignore",
  });
  const failed = new Promise((_, reject) => server.once("error", reject)); // it is not installed
  await Promise.race([answers(port), failed]);
  return {
    port,
    async stop() {
      const ended = new Promise((resolve) => server.once("exit", resolve));
      server.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A program of this folder, as a process. */
export function start(program, ...args) {
  const file = fileURLToPath(new URL(program, import.meta.url));
  return spawn(process.execPath, ["--import", "tsx", file, ...args.map(String)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function answers(port) {
  for (;;) {
    const ok = await new Promise((resolve) => {
      const socket = dial(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
