/** The product kernel, for one vector and for several, against the multiply-add limit of its own build. */

import { OP_END, OP_LINEAR, OP_PACK } from "../../assembly/abi.ts";
import { type Contestant, compare, sluice } from "../harness.ts";
import type { Build } from "../limit.ts";
import type { Context, Row, Table } from "../report.ts";
import { uniform } from "../shapes.ts";

const SIZES = [64, 128, 256, 512, 1024];
/** Vectors at once. */
const ROWS = [1, 2, 4, 8, 64];
/** Products in one program: the call from JavaScript is then no part of what is measured. */
const RECORDS = 8;
/** Per cent of the limit that one vector is to reach. */
const GOALS: Readonly<Record<number, string>> = { 64: "≥ 80", 128: "≥ 80", 256: "≥ 80", 512: "≥ 75" };

/** Y ← b + W · X, W (n, k), X (rows, k), as records by hand (assembly/abi.ts); n and k multiples of a vector. */
function product(build: Build, n: number, k: number, rows: number): Contestant {
  const runtime = sluice.createRuntimeSync({ variant: build });
  if (runtime === undefined) throw new Error(`${build}: expected a runtime`);
  const { kernels } = runtime;
  const random = uniform(n + k);
  const [w, b, xs] = [random(n * k), random(n), random(rows * k)].map((data) => data.map((v) => v / Math.sqrt(k)));
  const [matrix, weights, bias, x, y] = [n * k, n * k, n, rows * k, rows * n].map((size) => runtime.allocate(size * 4));
  const programOf = (count: number, ...record: readonly number[]) => {
    const [op, ...operands] = record;
    const words = Array.from({ length: count }, () => [op, operands.length + 2, ...operands]).flat();
    const at = runtime.allocate((words.length + 3) * 4);
    runtime.u32.set([rows, ...words, OP_END, 0], at / 4);
    return at;
  };
  const pack = programOf(1, OP_PACK, weights, matrix, n, k);
  const once = programOf(1, OP_LINEAR, y, n * 4, weights, bias, n, k, x, k * 4, 0);
  const program = programOf(RECORDS, OP_LINEAR, y, n * 4, weights, bias, n, k, x, k * 4, 0);
  for (const [at, data] of [
    [matrix, w],
    [bias, b],
    [x, xs],
  ] as const) {
    runtime.f32.set(data, at / 4);
  }
  kernels.execute(pack, 0, 1);
  const expected = new Float32Array(rows * n);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < n; i++) {
      let sum = b[i];
      for (let j = 0; j < k; j++) sum += w[i * k + j] * xs[r * k + j];
      expected[r * n + i] = sum;
    }
  }
  const ys = runtime.f32.subarray(y / 4, y / 4 + rows * n);
  return {
    name: `${build} ${n} × ${k}, ${rows} vectors`,
    steps: RECORDS * rows,
    expected,
    first() {
      kernels.execute(once, 0, rows);
      return ys.slice();
    },
    run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) {
        kernels.execute(program, 0, rows);
        sum += ys[0] + ys[ys.length - 1];
      }
      return sum;
    },
  };
}

async function measure({ quick, effort, limits }: Context): Promise<Table[]> {
  const rows: Row[] = [];
  const builds = [...limits.gmacs];
  for (const size of SIZES.slice(0, quick ? 2 : undefined)) {
    for (const vectors of ROWS) {
      const n = 3 * size;
      const timings = await compare(
        builds.map(([build]) => product(build, n, size, vectors)),
        effort,
      );
      for (const [i, [build, limit]] of builds.entries()) {
        const gmacs = (n * size) / timings[i].median / 1e3;
        rows.push({
          matrix: `${n} × ${size}`,
          vectors,
          build,
          "µs per vector": timings[i],
          "GMAC/s": gmacs,
          "% of the limit": (100 * gmacs) / limit,
          goal: vectors === 1 ? GOALS[size] : undefined,
          checksum: timings[i].checksum,
        });
      }
    }
  }
  return [{ title: "Matrix times vectors, f32: the product of a GRU's three gates", rows }];
}

export const kernels = { name: "kernels", measure };
