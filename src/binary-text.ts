/**
 * Bytes ↔ printable ASCII, for binaries inside modules. Half of a module's bytes are local.get, the SIMD prefix and small numbers:
 * those are one character each, the others two, and equal bytes stay equal characters. So gzip makes of the text what it
 * makes of the bytes: 9.2 KB of the two core builds, where hex is 10.5 and base64 15.7.
 *
 *     v = (byte + 6) mod 256      0 … 90: one of the 91 characters from # on, without the backslash
 *                                 others: a space or ! for v − 91 or v − 182, then its character
 */

const SHIFT = 6;
const COUNT = 91;
const FIRST = 35;
const BACKSLASH = 92;
/** Before the characters of the second and the third 91 numbers. */
const MARK = 32;

export function textOfBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const v = (byte + SHIFT) & 255;
    const code = FIRST + (v % COUNT);
    if (v >= COUNT) text += String.fromCharCode(MARK - 1 + Math.floor(v / COUNT));
    text += String.fromCharCode(code < BACKSLASH ? code : code + 1);
  }
  return text;
}

export function bytesOfText(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  let count = 0;
  let page = 0;
  // The host's own loops: to ask 25,000 times for a character takes a process that has just begun 2 ms, much of it optimising.
  const codes = globalThis.TextEncoder
    ? new TextEncoder().encode(text)
    : Uint8Array.from(text, (char) => char.charCodeAt(0));
  codes.forEach((code) => {
    if (code < FIRST) page = (code - MARK + 1) * COUNT;
    else {
      bytes[count++] = code + page - (FIRST + SHIFT) - Number(code > BACKSLASH);
      page = 0;
    }
  });
  return bytes.subarray(0, count);
}
