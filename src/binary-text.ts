/**
 * Bytes ↔ printable ASCII, for binaries inside modules. Half of a module's bytes are local.get, the SIMD prefix and small numbers:
 * those are one character each, the others two, and equal bytes stay equal characters. So gzip makes of the text what it
 * makes of the bytes: 8.3 KB of the two core builds, where hex is 10.5 and base64 15.7.
 *
 *     v = (byte + 6) mod 256      0 … 86, but 52: character 40 + v      others: the character 34 + page, then 40 + v − 44 · page
 *
 * 52 would be the backslash; the double quote is not among the characters.
 */

const FIRST = 40;
const PAGE_MARK = 34;
const PAGE = 44;
const SHIFT = 6;

export function textOfBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    let v = (byte + SHIFT) & 255;
    let page = 0;
    for (; v > 86 || v === 52; v -= PAGE) page++;
    text += page === 0 ? "" : String.fromCharCode(PAGE_MARK + page);
    text += String.fromCharCode(FIRST + v);
  }
  return text;
}

export function bytesOfText(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  let count = 0;
  let page = 0;
  // The host's own loops: to ask 25,000 times for a character takes a process that has just begun 2 ms, much of it optimising.
  const codes =
    typeof TextEncoder === "undefined"
      ? Uint8Array.from(text, (char) => char.charCodeAt(0))
      : new TextEncoder().encode(text);
  codes.forEach((code) => {
    if (code < FIRST) page = code - PAGE_MARK;
    else {
      bytes[count++] = code + page * PAGE - (FIRST + SHIFT);
      page = 0;
    }
  });
  return bytes.subarray(0, count);
}
