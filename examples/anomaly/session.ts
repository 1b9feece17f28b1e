/** model.safetensors → a session that serves any number of detectors: the same bits, so the same alarms, on every machine. */

import { createSession, loadModel, type Session } from "sluice";

export async function openSession(): Promise<Session> {
  return createSession(await loadModel(new URL("model.safetensors", import.meta.url)), { variant: "simd" });
}
