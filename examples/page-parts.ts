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
    const file = event.dataTransfer?.files[0];
    if (file) take(file);
  });
  // A file that misses its place must not replace the page.
  for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());
}
