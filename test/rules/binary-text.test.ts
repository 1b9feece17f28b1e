/** The text that binaries are inside modules: every byte comes back, and nothing needs a backslash in a string. */

import { expect, it, vi } from "vitest";
import { bytesOfText, textOfBytes } from "../../src/binary-text.ts";

const ALL = Uint8Array.from({ length: 256 }, (_, byte) => byte);

it("every byte comes back, alone and beside every other", () => {
  const pairs = Uint8Array.from([...ALL].flatMap((first) => [...ALL].flatMap((second) => [first, second])));
  expect(bytesOfText(textOfBytes(pairs))).toEqual(pairs);
  for (const byte of ALL) expect([...bytesOfText(textOfBytes(Uint8Array.of(byte)))]).toEqual([byte]);
  expect(bytesOfText(textOfBytes(new Uint8Array()))).toEqual(new Uint8Array());
});

it("the text is printable ASCII that a string in double quotes holds as it is", () => {
  expect(textOfBytes(ALL)).toMatch(/^[ !#-[\]-~]+$/);
});

it("comes out the same where there is no TextEncoder", () => {
  const text = textOfBytes(ALL);
  vi.stubGlobal("TextEncoder", undefined);
  try {
    expect([...bytesOfText(text)]).toEqual([...ALL]);
  } finally {
    vi.unstubAllGlobals();
  }
});
