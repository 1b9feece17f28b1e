/** Starts the programs of the fleet on loopback: a NATS server with a folder of its own, workers, sensors. */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const AGAIN = 100; // milliseconds until a program that failed is started again
const HOPELESS = 50; // starts in a row that came to nothing

/** → { port, pid, restart(), stop() }, the latter two promises. Its files are in a temporary folder that goes with it. */
export async function startServer() {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "fleet-"));
  const run = async () => {
    const child = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", folder], {
      stdio: "ignore",
    });
    const failed = new Promise((_, reject) => child.once("error", reject)); // it is not installed
    await Promise.race([answers(port), failed]);
    return child;
  };
  const end = async (signal) => {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill(signal);
    await ended;
  };
  let server = await run();
  return {
    port,
    get pid() {
      return server.pid;
    },
    /** SIGKILL, and a new process over the same files. */
    async restart() {
      await end("SIGKILL");
      server = await run();
    },
    async stop() {
      await end("SIGTERM");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A program of this folder as a process that is started again whenever it fails: → { pid, ready, kill(), stop() }. */
export function keep(program, ...args) {
  const file = fileURLToPath(new URL(program, import.meta.url));
  let [child, ready, stopped, failures] = [undefined, false, false, 0];
  const launch = () => {
    let said = "";
    child = spawn(process.execPath, ["--import", "tsx", file, ...args.map(String)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr.on("data", (text) => {
      said = (said + text).slice(-2000);
    });
    // It says that it has begun.
    child.stdout.once("data", () => {
      [ready, failures] = [true, 0];
    });
    child.once("exit", (code) => {
      ready = false;
      if (stopped || code === 0) return;
      if (++failures === HOPELESS) throw new Error(`${program}: ended ${failures} times before it began.\n${said}`);
      setTimeout(() => stopped || launch(), AGAIN);
    });
  };
  launch();
  return {
    get pid() {
      return child.pid;
    },
    get ready() {
      return ready;
    },
    kill() {
      ready = false;
      child.kill("SIGKILL");
    },
    stop() {
      stopped = true;
      child.kill("SIGKILL");
    },
  };
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
