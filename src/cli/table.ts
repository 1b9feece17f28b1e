/** Rows of texts → lines with aligned columns; numbers as a reader wants them. */

import { printable } from "./text.ts";

/** 12345 → "12,345" */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** Rows with their columns in line. */
export function table(rows: readonly (readonly string[])[], indent = "  "): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, printable(cell).length);
    });
  }
  return rows.map((row) =>
    `${indent}${row.map((cell, i) => `${cell}${" ".repeat(widths[i] - printable(cell).length)}`).join("  ")}`.trimEnd(),
  );
}
