/** Where a reader stands in an HDF5 file: little-endian numbers from bytes, never past the end of the part that they are in. */

import { FormatError, type FormatErrorCode } from "../../errors.ts";
import { decodeUtf8 } from "../json.ts";

export class Cursor {
  /** Where what was read last begins: errors are about that. */
  private from: number;

  /** `path` names the part in errors; `end` is where it ends. */
  constructor(
    readonly bytes: Uint8Array,
    readonly path: string,
    public at: number,
    readonly end: number = bytes.length,
  ) {
    this.from = at;
    if (at > end || end > bytes.length)
      throw this.error(`a place in the ${bytes.length} bytes of the file`, `${at} … ${end}`);
  }

  error(expected: string, got: string | number, code: FormatErrorCode = "ERR_HDF5", hint?: string): FormatError {
    const { path } = this;
    const offset = Math.min(this.from, this.bytes.length);
    return new FormatError(code, `${path} at byte ${offset}: expected ${expected}; got ${got}`, { path, offset, hint });
  }

  /** Moves over `count` bytes and gives where they begin. */
  skip(count: number): number {
    const { at } = this;
    this.from = at;
    if (!(count <= this.end - at)) throw this.error(`${count} bytes more`, this.end - at, "ERR_TRUNCATED");
    this.at = at + count;
    return at;
  }

  u8(): number {
    return this.bytes[this.skip(1)];
  }

  u16(): number {
    return this.unsigned(2);
  }

  u32(): number {
    return this.unsigned(4);
  }

  /** Sizes and addresses: rounded only from 2⁵³ on, which is past every file's end. */
  u64(): number {
    return this.unsigned(8);
  }

  /** 1, 2, 4 or 8 bytes. */
  unsigned(size: number): number {
    const at = this.skip(size);
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + this.bytes[at + i];
    return value;
  }

  take(count: number): Uint8Array {
    const at = this.skip(count);
    return this.bytes.subarray(at, at + count);
  }

  /** Four letters that mark a part. */
  expectMark(mark: string): void {
    const got = String.fromCharCode(...this.take(4));
    if (got !== mark) throw this.error(`"${mark}"`, JSON.stringify(got));
  }

  expect(what: string, value: number, ...allowed: readonly number[]): void {
    if (!allowed.includes(value)) throw this.error(`${what} ${allowed.join(" or ")}`, value);
  }

  /** Text that ends with NUL, or with its place. */
  text(count: number): string {
    const { at } = this;
    const bytes = this.take(count);
    const length = bytes.indexOf(0);
    return decodeUtf8(length < 0 ? bytes : bytes.subarray(0, length), this.path, at);
  }
}
