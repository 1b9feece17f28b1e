/** A random ONNX graph as it grows: values with their shapes, the inputs' numbers, and what may be computed with each value. */

import { type Attr, type File, type Node, type Type, tensor } from "../formats/onnx/writer.ts";

export type Kind = Extract<Type, "float" | "int64" | "int32" | "bool">;

export interface Value {
  readonly name: string;
  readonly kind: Kind;
  readonly shape: readonly number[];
  /** The same bits on both sides: its elements are inputs' or constants'. What jumps (Floor, Greater, ArgMax) takes no others. */
  readonly exact: boolean;
  /** May hold NaN or infinity, of which each runtime makes its own: it is only moved. */
  readonly wild: boolean;
  /** No element is larger. */
  readonly bound: number;
  /** Elements, where they stand in the file. */
  readonly data?: readonly number[];
}

export interface Drawn {
  readonly file: File;
  readonly feeds: ReadonlyMap<
    string,
    { readonly kind: Kind; readonly shape: readonly number[]; readonly data: number[] }
  >;
}

type Range = readonly [low: number, high: number];

/** Numbers of one seed, by mulberry32. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  /** In 0 … 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number in low … high. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** An f32 in low … high. */
  float(low: number, high: number): number {
    return Math.fround(low + this.next() * (high - low));
  }

  chance(p: number): boolean {
    return this.next() < p;
  }

  of<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)];
  }

  shuffled<T>(list: readonly T[]): T[] {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const k = this.int(0, i);
      [out[i], out[k]] = [out[k], out[i]];
    }
    return out;
  }
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export class Builder {
  readonly random: Random;
  readonly opset: number;
  readonly values: Value[] = [];
  readonly nodes: Node[] = [];
  private readonly inputs = new Map<string, { kind: Kind; shape: readonly number[]; data: number[] }>();
  private readonly constants = new Map<string, readonly [readonly number[], readonly number[], Type]>();
  private count = 0;

  constructor(random: Random, opset: number) {
    this.random = random;
    this.opset = opset;
  }

  /** Sizes that are small, unequal, and now and then past a tile. */
  size(): number {
    const { random } = this;
    return random.chance(0.08) ? random.int(9, 35) : random.int(1, 7);
  }

  shape(least = 1, most = 4): number[] {
    const rank = this.random.int(least, most);
    for (;;) {
      const shape = Array.from({ length: rank }, () => this.size());
      if (sizeOf(shape) <= 4000) return shape;
    }
  }

  private numbers(kind: Kind, count: number, [low, high]: Range): number[] {
    const { random } = this;
    if (kind === "bool") return Array.from({ length: count }, () => random.int(0, 1));
    if (kind !== "float") return Array.from({ length: count }, () => random.int(Math.ceil(low), Math.floor(high)));
    // Equal numbers, zeros and whole ones are where runtimes differ.
    const whole = random.chance(0.15);
    return Array.from({ length: count }, () => {
      const x = random.float(low, high);
      return whole && Math.round(x) >= low && Math.round(x) <= high ? Math.round(x) : x;
    });
  }

  input(shape: readonly number[], kind: Kind = "float", range: Range = [-3, 3]): Value {
    const name = `p${this.count++}`;
    const data = this.numbers(kind, sizeOf(shape), range);
    this.inputs.set(name, { kind, shape, data });
    return this.add({ name, kind, shape, exact: true, wild: false, bound: Math.max(...range.map(Math.abs)) });
  }

  /** In the file: an initializer. */
  constant(shape: readonly number[], kind: Kind = "float", range: Range = [-2, 2]): Value {
    return this.known(shape, this.numbers(kind, sizeOf(shape), range), kind);
  }

  /** A known tensor of these elements, as an initializer or a Constant. */
  known(shape: readonly number[], data: readonly number[], kind: Kind = "int64"): Value {
    const name = `k${this.count++}`;
    const { random } = this;
    if (random.chance(0.8)) this.constants.set(name, [shape, data, kind]);
    else this.nodes.push({ op: "Constant", inputs: [], outputs: [name], attrs: { value: tensor(shape, data, kind) } });
    const bound = data.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
    return { name, kind, shape, exact: true, wild: false, bound, data };
  }

  /** An input, or a constant of the file. */
  fresh(shape: readonly number[], kind: Kind = "float", range: Range = [-3, 3]): Value {
    return this.random.chance(0.5) ? this.input(shape, kind, range) : this.constant(shape, kind, range);
  }

  private add(value: Value): Value {
    this.values.push(value);
    return value;
  }

  /** A value that is there and fits, or a new one. */
  pick(fits: (value: Value) => boolean, otherwise: () => Value): Value {
    const found = this.values.filter((value) => !value.wild && fits(value));
    return found.length > 0 && this.random.chance(0.85) ? this.random.of(found.slice(-6)) : otherwise();
  }

  /** Floats, not larger than `most`. */
  float(least = 1, most = 4, bound = 50): Value {
    return this.pick(
      ({ kind, shape, bound: b }) => kind === "float" && shape.length >= least && shape.length <= most && b <= bound,
      () => this.input(this.shape(least, most)),
    );
  }

  /** What jumps takes values that both sides have to the last bit. */
  exact(kinds: readonly Kind[] = ["float"], least = 1, range: Range = [-3, 3]): Value {
    const kind = this.random.of(kinds);
    const most = Math.max(...range.map(Math.abs));
    return this.pick(
      (one) => one.exact && one.kind === kind && one.shape.length >= least && one.bound <= most && range[0] < 0,
      () => this.input(this.shape(least), kind, range),
    );
  }

  /** A shape that broadcasts with another: fewer axes, some of size 1. */
  spread(shape: readonly number[]): number[] {
    const { random } = this;
    const from = random.chance(0.3) ? random.int(0, shape.length) : 0;
    return shape.slice(from).map((size) => (random.chance(0.25) ? 1 : size));
  }

  /** Adds a node of one output. */
  node(
    op: string,
    inputs: readonly (Value | undefined)[],
    shape: readonly number[],
    rest: { kind?: Kind; exact?: boolean; wild?: boolean; bound: number; attrs?: Record<string, Attr | undefined> },
  ): Value {
    return this.many(op, inputs, [shape], rest)[0];
  }

  many(
    op: string,
    inputs: readonly (Value | undefined)[],
    shapes: readonly (readonly number[])[],
    {
      kind = "float",
      exact = false,
      wild = false,
      bound,
      attrs = {},
      name = `n${this.nodes.length}`,
    }: {
      name?: string;
      kind?: Kind | readonly Kind[];
      exact?: boolean;
      wild?: boolean;
      bound: number;
      attrs?: Record<string, Attr | undefined>;
    },
  ): Value[] {
    const outputs = shapes.map(() => `v${this.count++}`);
    const list = inputs.map((value) => value?.name ?? "");
    while (list.length > 0 && list[list.length - 1] === "") list.pop();
    const given = Object.entries(attrs).filter((one): one is [string, Attr] => one[1] !== undefined);
    this.nodes.push({ op, name, inputs: list, outputs, attrs: Object.fromEntries(given) });
    return outputs.map((name, i) =>
      this.add({
        name,
        kind: typeof kind === "string" ? kind : kind[i],
        shape: shapes[i],
        exact,
        wild: wild || inputs.some((value) => value?.wild),
        bound,
      }),
    );
  }

  /** The graph of these outputs: nothing that they do not need, and each as floats under the name `out.NAME`. */
  draw(outputs: readonly Value[]): Drawn | undefined {
    const casts = outputs.map(
      ({ name, kind }): Node => ({
        op: kind === "float" ? "Identity" : "Cast",
        inputs: [name],
        outputs: [`out.${name}`],
        ...(kind !== "float" && { attrs: { to: 1 } }),
      }),
    );
    const needed = new Set(casts.flatMap(({ inputs }) => inputs));
    const nodes: Node[] = [];
    for (const node of [...this.nodes].reverse()) {
      if (!node.outputs.some((name) => needed.has(name))) continue;
      for (const name of node.inputs) needed.add(name);
      nodes.unshift(node);
    }
    const feeds = new Map([...this.inputs].filter(([name]) => needed.has(name)));
    if (feeds.size === 0) return undefined;
    const file: File = {
      opset: this.opset,
      inputs: Object.fromEntries([...feeds].map(([name, { kind, shape }]) => [name, [shape, kind]])),
      outputs: Object.fromEntries(outputs.map(({ name, shape }) => [`out.${name}`, shape])),
      initializers: Object.fromEntries([...this.constants].filter(([name]) => needed.has(name))),
      nodes: [...nodes, ...casts],
    };
    return { file, feeds };
  }
}
