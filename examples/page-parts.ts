/** What the pages of the examples share: their status line, and files that are chosen or dropped. */

export const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;

/** Into the status line, which screen readers read out. */
export function say(text: string, wrong = false): void {
  const status = element("status");
  status.textContent = text;
  status.classList.toggle("wrong", wrong);
}

/** Gives `take` each file that is chosen in the input `id`, or dropped on the element `${id}-drop`. */
export function onFile(id: string, take: (file: File) => void): void {
  const input = element<HTMLInputElement>(id);
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) take(file);
  });
  const target = element(`${id}-drop`);
  target.addEventListener("dragover", () => target.classList.add("over"));
  target.addEventListener("dragleave", () => target.classList.remove("over"));
  target.addEventListener("drop", (event) => {
    target.classList.remove("over");
    const files = event.dataTransfer?.files;
    if (!files?.[0]) return;
    input.files = files;
    take(files[0]);
  });
  // A file that misses its place must not replace the page.
  for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());
}

/** A context that runs. The caller closes it. */
export async function openContext(options?: AudioContextOptions): Promise<AudioContext> {
  const context = new AudioContext(options);
  // Where there is no output device, a browser may neither begin nor refuse.
  await Promise.race([context.resume(), new Promise((resolve) => setTimeout(resolve, 3000))]);
  if (context.state === "running") return context;
  await context.close();
  throw new Error("The browser does not begin to play: is there a sound output?");
}

/** The microphone, or why there is none. */
export async function askMicrophone(audio: MediaTrackConstraints): Promise<MediaStream> {
  if (navigator.mediaDevices === undefined) throw new Error("Browsers give it to pages from https or localhost only.");
  say("Waiting for the browser's permission to hear the microphone …");
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const { name, message } = error as Error;
    throw new Error(REFUSALS[name] ?? message);
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  NotAllowedError: "It was not allowed.",
  NotFoundError: "None was found.",
  NotReadableError: "Another program is using it.",
};
