/** Time of a GRU step over its size, of both builds of Sluice and of ONNX Runtime → an SVG that reads on light and dark pages. */

import { expectedOf, rowsOf, STEPS, sessionsOf, stepping } from "../contestants.ts";
import { compare } from "../harness.ts";
import type { Context, Row, Spread, Table } from "../report.ts";
import { modelOf, SIZES, square } from "../shapes.ts";
import { ortOf } from "./ort.ts";

/** By name: what the legend says, and the shape of its points, so that colour is not all that tells them apart. */
const SERIES: Readonly<Record<string, { readonly label: string; readonly mark: "circle" | "square" }>> = {
  "onnxruntime-web": { label: "ONNX Runtime 1.30, WebAssembly", mark: "square" },
  "onnxruntime-node": { label: "ONNX Runtime 1.30, native", mark: "square" },
  simd: { label: "Sluice, simd", mark: "circle" },
  relaxed: { label: "Sluice, relaxed", mark: "circle" },
};

export async function steps({ quick, effort }: Context): Promise<Table[]> {
  const rows: Row[] = [];
  for (const size of SIZES.slice(0, quick ? 3 : undefined)) {
    const model = modelOf(square("gru", size));
    const expected = expectedOf(model, rowsOf(model, STEPS));
    const sessions = sessionsOf(model);
    const rivals = [
      await ortOf("onnxruntime-web", model, expected, 1),
      await ortOf("onnxruntime-node", model, expected, 1),
    ];
    const sides = [...sessions.map(([build, session]) => stepping(build, model, session, expected)), ...rivals];
    const timings = await compare(sides, effort);
    for (const rival of rivals) await rival.dispose();
    for (const [, session] of sessions) session.dispose();
    rows.push({ H: size, ...Object.fromEntries(sides.map(({ name }, i) => [name, timings[i]])) });
  }
  return [{ title: "µs per GRU step, a step in each call, in = out = H", rows }];
}

// Pixels: the whole, and the axes inside it.
const [WIDTH, HEIGHT] = [760, 510];
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 736, 64, 388];

const STYLE = `
  :root { --page: #ffffff; --ink: #1f2328; --quiet: #59636e; --grid: #d8dee4; --ours: #0b62d6; --ours2: #5b9df5; --web: #bc4c00; --node: #8a5cb8; }
  @media (prefers-color-scheme: dark) {
    :root { --page: #0d1117; --ink: #e6edf3; --quiet: #9aa4af; --grid: #2b323b; --ours: #58a6ff; --ours2: #2f6fbd; --web: #f0883e; --node: #c297f0; }
  }
  text { font: 13px system-ui, sans-serif; fill: var(--ink); }
  .title { font-size: 16px; font-weight: 600; }
  .quiet { fill: var(--quiet); font-size: 12px; }
  .caption { fill: var(--quiet); font-size: 11px; }
  .grid { stroke: var(--grid); }
  .line { fill: none; stroke-width: 2; }
  .relaxed { --colour: var(--ours); } .simd { --colour: var(--ours2); }
  .onnxruntime-web { --colour: var(--web); } .onnxruntime-node { --colour: var(--node); }
  .line { stroke: var(--colour); } .mark { fill: var(--colour); stroke: var(--page); }
`;

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** @param caption - lines under the chart, four: command and date, machine, limits, whether it was disturbed */
export function chartOf({ rows }: Table, caption: readonly string[]): string {
  const sizes = rows.map((row) => row.H as number);
  const names = Object.keys(SERIES).filter((name) => name in rows[0]);
  const medians = (name: string) => rows.map((row) => (row[name] as Spread).median);
  const all = names.flatMap(medians);
  const decades = [Math.floor(Math.log10(Math.min(...all))), Math.ceil(Math.log10(Math.max(...all)))];
  const [from, to] = [Math.log2(sizes[0]), Math.log2(sizes[sizes.length - 1])];
  const x = (size: number) => LEFT + 12 + ((Math.log2(size) - from) / (to - from)) * (RIGHT - LEFT - 24);
  const y = (time: number) => BOTTOM - ((Math.log10(time) - decades[0]) / (decades[1] - decades[0])) * (BOTTOM - TOP);
  const mark = (name: string, cx: number, cy: number) =>
    SERIES[name].mark === "circle"
      ? `<circle class="mark" cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="4.5"/>`
      : `<rect class="mark" x="${(cx - 4).toFixed(1)}" y="${(cy - 4).toFixed(1)}" width="8" height="8"/>`;

  const parts = [`<text class="title" x="16" y="28">Time of one GRU step, in = out = H</text>`];
  parts.push(
    `<text class="quiet" x="16" y="48">µs, one thread, f32, a call for each step; both axes logarithmic; lower is better</text>`,
  );
  for (let power = decades[0]; power <= decades[1]; power++) {
    const at = y(10 ** power).toFixed(1);
    parts.push(`<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${at}" y2="${at}"/>`);
    parts.push(
      `<text class="quiet" x="${LEFT - 8}" y="${at}" dy="4" text-anchor="end">${Number((10 ** power).toPrecision(1))}</text>`,
    );
  }
  for (const size of sizes) {
    parts.push(`<text class="quiet" x="${x(size).toFixed(1)}" y="${BOTTOM + 20}" text-anchor="middle">${size}</text>`);
  }
  parts.push(`<text class="quiet" x="${(LEFT + RIGHT) / 2}" y="${BOTTOM + 38}" text-anchor="middle">H, units</text>`);
  names.forEach((name, i) => {
    const points = medians(name).map((time, k) => [x(sizes[k]), y(time)] as const);
    const line = points.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" ");
    const row = TOP + 20 + 20 * i;
    parts.push(
      `<g class="${name}"><title>${escaped(SERIES[name].label)}</title><polyline class="line" points="${line}"/>`,
      ...points.map(([px, py]) => mark(name, px, py)),
      `<line class="line" x1="${LEFT + 12}" x2="${LEFT + 40}" y1="${row}" y2="${row}"/>${mark(name, LEFT + 26, row)}`,
      `<text x="${LEFT + 48}" y="${row}" dy="4.5">${escaped(SERIES[name].label)}</text></g>`,
    );
  });
  caption.forEach((line, i) => {
    parts.push(`<text class="caption" x="16" y="${BOTTOM + 62 + 15 * i}">${escaped(line)}</text>`);
  });
  const size = `width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"`;
  const page = `<rect width="${WIDTH}" height="${HEIGHT}" rx="6" style="fill: var(--page)"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="Time of one GRU step over its size">\n<style>${STYLE}</style>\n${page}\n${parts.join("\n")}\n</svg>\n`;
}
