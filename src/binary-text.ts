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
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code < FIRST) code = (code - PAGE_MARK) * PAGE + text.charCodeAt(++i);
    bytes[count++] = code - (FIRST + SHIFT);
  }
  return bytes.subarray(0, count);
}
