/** Random nodes over the values that are there: one row for each operator of docs/onnx.md. */

import type { Attr } from "../formats/onnx/writer.ts";
import { type Builder, type Kind, sizeOf, type Value } from "./builder.ts";

const INTEGERS = ["int64", "int32"] as const;
const NUMBERS = ["float", ...INTEGERS] as const;
const ALL = [...NUMBERS, "bool"] as const;

const float = (value: number): Attr => ({ float: value });

/** NumPy's rule for shapes that are known to fit. */
function broadcast(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, i) =>
    Math.max(...shapes.map((shape) => shape[i - rank + shape.length] ?? 1)),
  );
}

/** Two shapes that broadcast: the second is of the first; now and then the first lacks axes of the second. */
function partner(to: Builder, a: Value, otherwise: (shape: number[]) => Value): Value {
  const { random } = to;
  const same = to.values.filter((b) => !b.wild && b.kind === a.kind && `${b.shape}` === `${a.shape}` && b.bound <= 50);
  if (same.length > 0 && random.chance(0.4)) return random.of(same);
  const shape = to.spread(a.shape);
  const grown = shape.map((size, i) =>
    size === 1 && a.shape[a.shape.length - shape.length + i] === 1 ? to.size() : size,
  );
  return otherwise(random.chance(0.3) ? grown : shape);
}

type Draw = (to: Builder) => unknown;

/** f of two numbers: the bound of its result. */
const arithmetic =
  (op: string, bound: (a: number, b: number) => number): Draw =>
  (to) => {
    const kind = to.random.chance(0.8) ? "float" : to.random.of(INTEGERS);
    const a =
      kind === "float"
        ? to.float(0)
        : to.pick(
            (one) => one.kind === kind && one.bound <= 1e4,
            () => to.input(to.shape(), kind, [-9, 9]),
          );
    const b = partner(to, a, (shape) => to.fresh(shape, kind, kind === "float" ? [-3, 3] : [-9, 9]));
    const inputs = to.random.chance(0.3) ? [b, a] : [a, b];
    to.node(op, inputs, broadcast(a.shape, b.shape), {
      kind,
      bound: bound(inputs[0].bound, inputs[1].bound),
      exact: kind !== "float",
    });
  };

const division: Draw = (to) => {
  const kind = to.random.chance(0.8) ? "float" : to.random.of(INTEGERS);
  const a =
    kind === "float"
      ? to.float(0)
      : to.pick(
          (one) => one.kind === kind,
          () => to.input(to.shape(), kind, [-99, 99]),
        );
  const b = partner(to, a, (shape) => to.fresh(shape, kind, [1, 7]));
  const safe =
    b.exact && b.data === undefined
      ? to.input(b.shape, kind, [1, 7])
      : b.data
        ? to.constant(b.shape, kind, [1, 7])
        : to.fresh(b.shape, kind, [1, 7]);
  to.node("Div", [a, safe], broadcast(a.shape, b.shape), { kind, bound: a.bound, exact: kind !== "float" });
};

const power: Draw = (to) => {
  const a = to.input(to.shape(), "float", to.random.chance(0.7) ? [0.25, 3] : [-3, 3]);
  const whole = to.random.chance(0.5);
  const shape = to.random.chance(0.4) ? [] : to.spread(a.shape);
  const count = sizeOf(shape);
  const b = whole
    ? to.known(
        shape,
        Array.from({ length: count }, () => to.random.int(-2, 3)),
        "float",
      )
    : to.random.chance(0.4)
      ? to.known(shape, new Array(count).fill(to.random.of([0.5, 2, 1, 0, 3, -0.5])), "float")
      : to.fresh(shape, "float", [-2, 3]);
  to.node("Pow", [a, b], broadcast(a.shape, b.shape), { bound: 64, wild: true });
};

/** More than two inputs. */
const extreme =
  (op: string): Draw =>
  (to) => {
    const kind = to.opset < 12 || to.random.chance(0.8) ? "float" : to.random.of(INTEGERS);
    const a = kind === "float" ? to.float(1) : to.exact([kind], 1, [-9, 9]);
    const rest = Array.from({ length: to.random.int(0, 3) }, () =>
      to.fresh(
        a.shape.map((size) => (to.random.chance(0.25) ? 1 : size)),
        kind,
        [-3, 3],
      ),
    );
    to.node(op, [a, ...rest], broadcast(a.shape, ...rest.map(({ shape }) => shape)), {
      kind,
      bound: Math.max(a.bound, 3),
      exact: a.exact,
    });
  };

const comparison =
  (op: string, kinds: readonly Kind[], since = 7): Draw =>
  (to) => {
    if (to.opset < since) return;
    // Equal of floats came with opset 11, Greater and Less of integers with 9.
    const old = to.opset < (op === "Equal" ? 11 : 9);
    const a = to.exact(old ? kinds.filter((kind) => (kind === "float") !== (op === "Equal")) : kinds);
    const b = partner(to, { ...a, bound: 100 }, (shape) =>
      to.fresh(shape, a.kind, a.kind === "float" ? [-3, 3] : [-3, 3]),
    );
    if (!b.exact) return;
    to.node(op, [a, b], broadcast(a.shape, b.shape), { kind: "bool", bound: 1, exact: true });
  };

const truth = (to: Builder): Value =>
  to.pick(
    ({ kind, exact }) => kind === "bool" && exact,
    () => to.input(to.shape(), "bool"),
  );

const logical =
  (op: string): Draw =>
  (to) => {
    const a = truth(to);
    const b = partner(to, a, (shape) => to.fresh(shape, "bool"));
    to.node(op, [a, b], broadcast(a.shape, b.shape), { kind: "bool", bound: 1, exact: true });
  };

const where: Draw = (to) => {
  if (to.opset < 9) return;
  const kind = to.random.chance(0.8) ? "float" : to.random.of(INTEGERS);
  const a = kind === "float" ? to.float() : to.exact([kind], 1, [-9, 9]);
  const condition = to.fresh(to.spread(a.shape), "bool");
  const b = partner(to, a, (shape) => to.fresh(shape, kind));
  to.node("Where", [condition, a, b], broadcast(condition.shape, a.shape, b.shape), {
    kind,
    bound: Math.max(a.bound, b.bound),
    exact: a.exact && b.exact,
  });
};

interface Unary {
  readonly bound?: (x: number) => number;
  readonly since?: number;
  /** Of numbers in this range, which both sides have to the last bit. */
  readonly range?: readonly [number, number];
  readonly kinds?: readonly Kind[];
  readonly exact?: boolean;
  readonly wild?: boolean;
  readonly most?: number;
  readonly attrs?: (to: Builder) => Record<string, Attr>;
}

const unary =
  (op: string, { bound = (x) => x, since = 7, range, kinds, exact, wild, most = 50, attrs }: Unary = {}): Draw =>
  (to) => {
    if (to.opset < since) return;
    const x = range ? to.input(to.shape(), "float", range) : kinds ? to.exact(kinds) : to.float(0, 4, most);
    to.node(op, [x], x.shape, {
      kind: x.kind,
      bound: bound(x.bound),
      exact: exact && x.exact,
      wild,
      attrs: attrs && to.random.chance(0.6) ? attrs(to) : {},
    });
  };

const alpha = (low: number, high: number) => (to: Builder) => ({ alpha: float(to.random.float(low, high)) });
const one = () => 1;

const clip: Draw = (to) => {
  const x = to.float();
  const [min, max] = [to.random.float(-2, 0.5), to.random.float(0.5, 3)];
  const [low, high] = [to.random.chance(0.8), to.random.chance(0.8)];
  if (to.opset < 11) {
    to.node("Clip", [x], x.shape, {
      bound: x.bound + 3,
      exact: x.exact,
      attrs: { ...(low && { min: float(min) }), ...(high && { max: float(max) }) },
    });
    return;
  }
  const inputs = [x, low ? to.known([], [min], "float") : undefined, high ? to.known([], [max], "float") : undefined];
  to.node("Clip", inputs, x.shape, { bound: x.bound + 3, exact: x.exact });
};

const clipOfIntegers: Draw = (to) => {
  if (to.opset < 12) return;
  const x = to.exact(INTEGERS, 1, [-9, 9]);
  to.node("Clip", [x, to.known([], [-4], x.kind), to.known([], [to.random.int(0, 5)], x.kind)], x.shape, {
    kind: x.kind,
    bound: 5,
    exact: true,
  });
};

const prelu: Draw = (to) => {
  const x = to.float();
  const slope = to.fresh(to.spread(x.shape), "float", [-1, 1]);
  to.node("PRelu", [x, slope], x.shape, { bound: x.bound });
};

const TYPE = { float: 1, int32: 6, int64: 7, bool: 9 } as const;

const cast: Draw = (to) => {
  const x = to.exact(ALL, 1, [-9, 9]);
  const kind = to.random.of(ALL);
  to.node("Cast", [x], x.shape, { kind, bound: x.bound, exact: true, attrs: { to: TYPE[kind] } });
};

const matmul: Draw = (to) => {
  const a = to.float(1, 4, 20);
  const K = a.shape[a.shape.length - 1];
  const N = to.size();
  const { random } = to;
  const shape = random.chance(0.6) ? [K, N] : random.chance(0.2) ? [K] : [...to.spread(a.shape.slice(0, -2)), K, N];
  const b = to.fresh(shape, "float", [-1, 1]);
  const inputs = random.chance(0.85) || a.shape.length !== 2 ? [a, b] : [];
  if (inputs.length === 0) {
    const left = to.fresh([to.size(), a.shape[0]], "float", [-1, 1]);
    to.node("MatMul", [left, a], [left.shape[0], a.shape[1]], { bound: a.bound * a.shape[0] });
    return;
  }
  const batch = broadcast(a.shape.slice(0, -2), shape.slice(0, -2));
  const out = [
    ...batch,
    ...(a.shape.length > 1 ? [a.shape[a.shape.length - 2]] : []),
    ...(shape.length > 1 ? [N] : []),
  ];
  to.node("MatMul", [a, b], out, { bound: a.bound * K });
};

const gemm: Draw = (to) => {
  const { random } = to;
  const a = to.float(2, 2, 20);
  const [M, K] = a.shape;
  const N = to.size();
  const transB = random.chance(0.5);
  const b = to.constant(transB ? [N, K] : [K, N], "float", [-1, 1]);
  const c =
    random.chance(0.7) || to.opset < 11
      ? to.fresh(random.of([[N], [1], [M, N], [M, 1], [1, N], []]), "float")
      : undefined;
  const scaled = random.chance(0.4);
  const beta = c?.data && sizeOf(c.shape) <= N && (c.shape.length < 2 || c.shape[0] === 1) && scaled;
  to.node("Gemm", [a, b, c], [M, N], {
    bound: 2 * a.bound * K + 6,
    attrs: {
      ...(transB && { transB: 1 }),
      ...(scaled && { alpha: float(random.float(-2, 2)) }),
      ...(beta && { beta: float(random.float(-2, 2)) }),
    },
  });
};

const einsum: Draw = (to) => {
  if (to.opset < 12) return;
  const { random } = to;
  const letters = random.shuffled([..."abcdefgh"]);
  const take = (low: number, high: number) => letters.splice(0, random.int(low, high));
  const [batch, left, sum, right] = [take(0, 2), take(0, 2), take(1, 2), take(0, 2)];
  const out = random.shuffled([...batch, ...left, ...right]);
  if (out.length === 0) return;
  const size = new Map([..."abcdefgh"].map((name) => [name, random.int(1, 5)]));
  const [a, b] = [random.shuffled([...batch, ...left, ...sum]), random.shuffled([...batch, ...sum, ...right])];
  const shape = (names: readonly string[]) => names.map((name) => size.get(name) as number);
  to.node("Einsum", [to.input(shape(a), "float", [-1, 1]), to.fresh(shape(b), "float", [-1, 1])], shape(out), {
    bound: sizeOf(shape(sum)),
    attrs: { equation: `${a.join("")},${b.join("")}->${out.join("")}` },
  });
};

const softmax =
  (op: string): Draw =>
  (to) => {
    const x = to.float(1, 4, 20);
    const rank = x.shape.length;
    // Before opset 13 all axes from `axis` on are one.
    const axis = to.opset < 13 ? rank - 1 : to.random.int(-rank, rank - 1);
    to.node(op, [x], x.shape, { bound: op === "Softmax" ? 1 : x.bound + 10, attrs: { axis } });
  };

const batchNorm: Draw = (to) => {
  const x = to.float(2, 4);
  const C = [x.shape[1]];
  const vectors = [to.constant(C), to.constant(C), to.constant(C), to.constant(C, "float", [0.2, 2])];
  const attrs: Record<string, Attr> = to.random.chance(0.5) ? { epsilon: float(1e-3) } : {};
  to.node("BatchNormalization", [x, ...vectors], x.shape, { bound: 2.3 * 2 * (x.bound + 2) + 2, attrs });
};

const layerNorm: Draw = (to) => {
  if (to.opset < 17) return;
  const x = to.input(to.shape());
  const size = [x.shape[x.shape.length - 1]];
  to.node(
    "LayerNormalization",
    [x, to.constant(size), to.random.chance(0.6) ? to.constant(size) : undefined],
    x.shape,
    {
      bound: 2 * Math.sqrt(size[0]) + 2,
      attrs: {
        ...(to.random.chance(0.5) && { axis: to.random.of([-1, x.shape.length - 1]) }),
        epsilon: float(to.random.of([1e-5, 1e-3])),
      },
    },
  );
};

/** A value (1, C, …) of one or two more axes. */
function signal(to: Builder, exact = false): Value {
  return to.pick(
    ({ kind, shape, bound, exact: same }) =>
      kind === "float" && shape[0] === 1 && shape.length >= 3 && shape.length <= 4 && bound <= 20 && (same || !exact),
    () =>
      to.input([1, to.random.int(1, 6), ...Array.from({ length: to.random.int(1, 2) }, () => to.random.int(2, 14))]),
  );
}

const window = (to: Builder, lengths: readonly number[], pool: boolean, mayDilate = true) => {
  const { random } = to;
  const auto = random.chance(0.2) ? random.of(["VALID", "SAME_UPPER", "SAME_LOWER"]) : undefined;
  // Under SAME ONNX Runtime refuses dilated convolutions, pads dilated pools as if they were not dilated, and pools whose
  // stride is longer than their window by less than nothing.
  const same = auto?.startsWith("SAME") ?? false;
  const dilates = mayDilate && !same;
  const axes = lengths.map((length) => {
    const kernel = random.int(1, Math.min(5, length));
    const dilation =
      !dilates || random.chance(0.7)
        ? 1
        : random.int(1, Math.max(1, Math.floor((length - 1) / Math.max(1, kernel - 1))));
    const stride = random.chance(0.6) ? 1 : random.int(1, pool && same ? Math.min(4, kernel) : 4);
    const most = pool ? kernel - 1 : 3;
    const begin = random.chance(0.5) ? 0 : random.int(0, most);
    const end = random.chance(0.5) ? begin : random.int(0, most);
    return { kernel, dilation, stride, begin, end, length };
  });
  const pick = (key: "kernel" | "dilation" | "stride" | "begin" | "end") => axes.map((axis) => axis[key]);
  const sizes = axes.map(({ kernel, dilation, stride, begin, end, length }) => {
    const covered = (kernel - 1) * dilation + 1;
    if (auto?.startsWith("SAME")) return Math.ceil(length / stride);
    return Math.floor((length + (auto ? 0 : begin + end) - covered) / stride) + 1;
  });
  const given = <T extends Record<string, Attr>>(p: number, attrs: T) => (random.chance(p) ? attrs : {});
  const attrs: Record<string, Attr> = {
    ...(pick("stride").some((one) => one > 1) ? { strides: pick("stride") } : given(0.3, { strides: pick("stride") })),
    ...(pick("dilation").some((one) => one > 1) && { dilations: pick("dilation") }),
    ...(auto ? { auto_pad: auto } : { pads: [...pick("begin"), ...pick("end")] }),
  };
  return { kernel: pick("kernel"), sizes, attrs };
};

const conv: Draw = (to) => {
  const { random } = to;
  const x = signal(to);
  const [, C, ...lengths] = x.shape;
  const groups = random.chance(0.6)
    ? 1
    : random.of(Array.from({ length: C }, (_, i) => i + 1).filter((g) => C % g === 0));
  const O = groups * random.int(1, 4);
  const { kernel, sizes, attrs } = window(to, lengths, false);
  const weight = to.constant([O, C / groups, ...kernel], "float", [-1, 1]);
  const bias = random.chance(0.6) ? to.constant([O]) : undefined;
  const y = to.node("Conv", [x, weight, bias], [1, O, ...sizes], {
    bound: x.bound * (C / groups) * sizeOf(kernel) + 2,
    attrs: { ...attrs, ...(groups > 1 && { group: groups }), ...(random.chance(0.5) && { kernel_shape: kernel }) },
  });
  follow(to, y);
};

/** What fuses into the convolution before it. */
function follow(to: Builder, y: Value): void {
  if (to.random.chance(0.3)) {
    const C = [y.shape[1]];
    const vectors = [to.constant(C), to.constant(C), to.constant(C), to.constant(C, "float", [0.2, 2])];
    to.node("BatchNormalization", [y, ...vectors], y.shape, { bound: 5 * (y.bound + 2) });
  }
  if (to.random.chance(0.3))
    to.node(to.random.of(["Relu", "Tanh", "Sigmoid"]), [to.values[to.values.length - 1]], y.shape, {
      bound: 5 * (y.bound + 2),
    });
}

const convTranspose: Draw = (to) => {
  const { random } = to;
  const x = signal(to);
  const [, C, ...lengths] = x.shape;
  const groups = random.chance(0.6)
    ? 1
    : random.of(Array.from({ length: C }, (_, i) => i + 1).filter((g) => C % g === 0));
  const O = random.int(1, 4);
  const axes = lengths.map((length) => {
    const [kernel, stride, dilation] = [random.int(1, 5), random.int(1, 3), random.chance(0.7) ? 1 : 2];
    const whole = (length - 1) * stride + (kernel - 1) * dilation + 1;
    const begin = random.int(0, Math.min(2, kernel - 1, Math.floor((whole - 1) / 2)));
    const end = random.int(0, Math.min(2, kernel - 1, Math.floor((whole - 1) / 2)));
    const more = random.chance(0.7) ? 0 : random.int(0, stride - 1);
    return { kernel, stride, dilation, begin, end, more, size: whole - begin - end + more };
  });
  if (axes.some(({ size }) => size < 1)) return;
  const kernel = axes.map((axis) => axis.kernel);
  const weight = to.constant([C, O, ...kernel], "float", [-1, 1]);
  const bias = random.chance(0.6) ? to.constant([O * groups]) : undefined;
  const y = to.node("ConvTranspose", [x, weight, bias], [1, O * groups, ...axes.map(({ size }) => size)], {
    bound: x.bound * (C / groups) * sizeOf(kernel) + 2,
    attrs: {
      strides: axes.map(({ stride }) => stride),
      dilations: axes.map(({ dilation }) => dilation),
      pads: [...axes.map(({ begin }) => begin), ...axes.map(({ end }) => end)],
      ...(axes.some(({ more }) => more > 0) && { output_padding: axes.map(({ more }) => more) }),
      ...(groups > 1 && { group: groups }),
    },
  });
  follow(to, y);
};

const pool =
  (op: string): Draw =>
  (to) => {
    const x = signal(to);
    const since = op === "MaxPool" ? 10 : 19;
    const { kernel, sizes, attrs } = window(to, x.shape.slice(2), true, to.opset >= since);
    if (op === "AveragePool" && to.random.chance(0.4)) attrs.count_include_pad = 1;
    to.node(op, [x], [...x.shape.slice(0, 2), ...sizes], {
      bound: x.bound,
      exact: op === "MaxPool" && x.exact,
      attrs: { ...attrs, kernel_shape: kernel },
    });
  };

const globalPool: Draw = (to) => {
  const x = signal(to);
  to.node(
    "GlobalAveragePool",
    [x],
    x.shape.map((size, i) => (i < 2 ? size : 1)),
    { bound: x.bound },
  );
};

/** An attribute, or from an opset on an input. */
function ints(to: Builder, since: number, name: string, values: readonly number[]) {
  const asInput = to.opset >= since;
  return {
    inputs: asInput ? [to.known([values.length], values)] : [],
    attrs: (asInput ? {} : { [name]: values }) as Record<string, Attr>,
  };
}

const pad: Draw = (to) => {
  const { random } = to;
  const reflect = random.chance(0.4);
  const x = to.float(reflect ? 2 : 1);
  const rank = x.shape.length;
  const some = x.shape.map((size) => (random.chance(0.5) ? 0 : random.int(0, reflect ? Math.min(4, size - 1) : 4)));
  const others = x.shape.map((size) => (random.chance(0.5) ? 0 : random.int(0, reflect ? Math.min(4, size - 1) : 4)));
  const value = random.float(-2, 2);
  const constant = !reflect && random.chance(0.5);
  const shape = x.shape.map((size, i) => size + some[i] + others[i]);
  const mode: Record<string, Attr> = reflect ? { mode: "reflect" } : random.chance(0.3) ? { mode: "constant" } : {};
  if (to.opset < 11) {
    to.node("Pad", [x], shape, {
      bound: x.bound + 2,
      exact: x.exact,
      attrs: { ...mode, pads: [...some, ...others], ...(constant && { value: float(value) }) },
    });
    return;
  }
  const axes = to.opset >= 18 && random.chance(0.4) ? random.shuffled(x.shape.map((_, i) => i)) : undefined;
  const order = axes ?? x.shape.map((_, i) => i);
  const pads = to.known([2 * rank], [...order.map((i) => some[i]), ...order.map((i) => others[i])]);
  const inputs = [
    x,
    pads,
    constant ? to.known([], [value], "float") : undefined,
    axes &&
      to.known(
        [rank],
        axes.map((axis) => (random.chance(0.3) ? axis - rank : axis)),
      ),
  ];
  to.node("Pad", inputs, shape, { bound: x.bound + 2, exact: x.exact, attrs: mode });
};

const reduce =
  (op: string, since: number): Draw =>
  (to) => {
    const { random } = to;
    const kind = op !== "ReduceMean" && random.chance(0.2) ? random.of(INTEGERS) : "float";
    const x = kind === "float" ? to.float() : to.exact([kind], 1, [-9, 9]);
    const rank = x.shape.length;
    const axes = random.shuffled(x.shape.map((_, i) => i)).slice(0, random.int(1, rank));
    const signs = axes.map((axis) => (to.opset >= 11 && random.chance(0.3) ? axis - rank : axis));
    const all = random.chance(0.15);
    const keep = random.chance(0.5);
    const none = all && to.opset >= since && random.chance(0.5);
    const said = all ? { inputs: [], attrs: {} } : ints(to, since, "axes", signs);
    const taken = none ? [] : all ? x.shape.map((_, i) => i) : axes;
    const shape = keep
      ? x.shape.map((size, i) => (taken.includes(i) ? 1 : size))
      : x.shape.filter((_, i) => !taken.includes(i));
    to.node(op, [x, ...said.inputs], shape, {
      kind: x.kind,
      bound: op === "ReduceSum" ? x.bound * sizeOf(x.shape) : x.bound,
      exact: x.kind !== "float" || (op === "ReduceMax" && x.exact),
      attrs: {
        ...said.attrs,
        ...(keep && random.chance(0.5) ? {} : { keepdims: Number(keep) }),
        ...(none && { noop_with_empty_axes: 1 }),
      },
    });
  };

/** Of known numbers alone: it must fold away. */
const reduceKnown =
  (op: string): Draw =>
  (to) => {
    const kind = to.random.of(["float", "int64"] as const);
    const x = to.constant(to.shape(1, 3), kind, [-2, 2]);
    const axis = to.random.int(0, x.shape.length - 1);
    const said = ints(to, 18, "axes", [axis]);
    const y = to.node(
      op,
      [x, ...said.inputs],
      x.shape.map((size, i) => (i === axis ? 1 : size)),
      {
        kind,
        bound: op === "ReduceProd" ? 2 ** x.shape[axis] : 2,
        attrs: said.attrs,
      },
    );
    to.node("Add", [to.input(x.shape, kind), y], x.shape, { kind, bound: y.bound + 3, exact: kind !== "float" });
  };

const argMax: Draw = (to) => {
  const x = to.exact();
  const axis = to.random.int(0, x.shape.length - 1);
  const keep = to.random.chance(0.5);
  const shape = keep ? x.shape.map((size, i) => (i === axis ? 1 : size)) : x.shape.filter((_, i) => i !== axis);
  to.node("ArgMax", [x], shape, {
    kind: "int64",
    bound: x.shape[axis],
    exact: true,
    attrs: { axis: to.opset >= 11 && to.random.chance(0.3) ? axis - x.shape.length : axis, keepdims: Number(keep) },
  });
};

const topK: Draw = (to) => {
  const x = to.exact();
  const rank = x.shape.length;
  const axis = to.random.int(0, rank - 1);
  const k = to.random.int(1, x.shape[axis]);
  const shape = x.shape.map((size, i) => (i === axis ? k : size));
  const attrs: Record<string, Attr> = { axis };
  if (to.opset < 10) attrs.k = k;
  if (to.opset >= 11 && to.random.chance(0.5)) attrs.largest = to.random.int(0, 1);
  to.many("TopK", [x, to.opset < 10 ? undefined : to.known([1], [k])], [shape, shape], {
    kind: ["float", "int64"],
    bound: Math.max(x.bound, x.shape[axis]),
    exact: true,
    attrs,
  });
};

/** Anything, even what holds NaN: it only moves. */
function any(to: Builder, least = 1): Value {
  const found = to.values.filter(({ shape }) => shape.length >= least && shape.length <= 5);
  return found.length > 0 && to.random.chance(0.85)
    ? to.random.of(found.slice(-8))
    : to.input(to.shape(least), to.random.of(ALL));
}

const moved = ({ kind, exact, wild, bound }: Value) => ({ kind, exact, wild, bound });

const identity: Draw = (to) => {
  const x = any(to, 0);
  to.node("Identity", [x], x.shape, moved(x));
};

const dropout: Draw = (to) => {
  const x = to.float();
  const attrs: Record<string, Attr> = to.opset < 12 ? { ratio: float(0.3) } : {};
  to.node("Dropout", [x, ...(to.opset >= 12 && to.random.chance(0.5) ? [to.known([], [0.3], "float")] : [])], x.shape, {
    ...moved(x),
    attrs,
  });
};

/** Another shape of as many elements. */
function regrouped(to: Builder, count: number): number[] {
  const out: number[] = [];
  let rest = count;
  while (rest > 1 && out.length < 3) {
    const divisors = Array.from({ length: Math.min(rest, 40) }, (_, i) => i + 1).filter((d) => rest % d === 0);
    const size = to.random.of(divisors);
    out.push(size);
    rest /= size;
  }
  return [...out, rest];
}

const reshape: Draw = (to) => {
  const { random } = to;
  const x = any(to, 0);
  const shape = regrouped(to, sizeOf(x.shape));
  // Sizes may come from the shape of another value.
  if (random.chance(0.25) && x.shape.length > 1) {
    const sizes = to.node("Shape", [x], [x.shape.length], { kind: "int64", bound: 4000, exact: true });
    const first = to.node("Gather", [sizes, to.known([1], [0])], [1], { kind: "int64", bound: 4000, exact: true });
    const both = to.node("Concat", [first, to.known([1], [-1])], [2], {
      kind: "int64",
      bound: 4000,
      exact: true,
      attrs: { axis: 0 },
    });
    to.node("Reshape", [x, both], [x.shape[0], sizeOf(x.shape.slice(1))], moved(x));
    return;
  }
  const asked = shape.map((size, i) => (i < x.shape.length && size === x.shape[i] && random.chance(0.3) ? 0 : size));
  if (random.chance(0.4)) asked[random.int(0, asked.length - 1)] = -1;
  to.node("Reshape", [x, to.known([asked.length], asked)], shape, moved(x));
};

const squeeze: Draw = (to) => {
  const { random } = to;
  const x = any(to);
  const ones = x.shape.flatMap((size, i) => (size === 1 ? [i] : []));
  if (ones.length === 0) return;
  const axes = random.shuffled(ones).slice(0, random.int(1, ones.length));
  const all = random.chance(0.2);
  const said = all
    ? { inputs: [], attrs: {} }
    : ints(
        to,
        13,
        "axes",
        axes.map((axis) => (to.opset >= 11 && random.chance(0.3) ? axis - x.shape.length : axis)),
      );
  to.node(
    "Squeeze",
    [x, ...said.inputs],
    x.shape.filter((_, i) => !(all ? ones : axes).includes(i)),
    { ...moved(x), attrs: said.attrs },
  );
};

const unsqueeze: Draw = (to) => {
  const { random } = to;
  const x = any(to, 0);
  const rank = x.shape.length + random.int(1, 2);
  const axes = random.shuffled(Array.from({ length: rank }, (_, i) => i)).slice(0, rank - x.shape.length);
  const rest = [...x.shape];
  const shape = Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : (rest.shift() as number)));
  const said = ints(
    to,
    13,
    "axes",
    axes.map((axis) => (to.opset >= 11 && random.chance(0.3) ? axis - rank : axis)),
  );
  to.node("Unsqueeze", [x, ...said.inputs], shape, { ...moved(x), attrs: said.attrs });
};

const flatten: Draw = (to) => {
  const x = to.opset < 9 ? to.float() : any(to);
  const rank = x.shape.length;
  const axis = to.random.int(to.opset >= 11 ? -rank : 0, rank);
  const at = axis < 0 ? axis + rank : axis;
  to.node("Flatten", [x], [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at))], { ...moved(x), attrs: { axis } });
};

const transpose: Draw = (to) => {
  const x = any(to);
  const order = to.random.chance(0.2) ? undefined : to.random.shuffled(x.shape.map((_, i) => i));
  const perm = order ?? x.shape.map((_, i) => x.shape.length - 1 - i);
  to.node(
    "Transpose",
    [x],
    perm.map((axis) => x.shape[axis]),
    { ...moved(x), attrs: order ? { perm: order } : {} },
  );
};

const slice: Draw = (to) => {
  const { random } = to;
  const x = any(to);
  const rank = x.shape.length;
  const axes = random.shuffled(x.shape.map((_, i) => i)).slice(0, random.int(1, rank));
  const parts = axes.map((axis) => {
    const size = x.shape[axis];
    const from = random.int(0, size - 1);
    const backward = to.opset >= 10 && random.chance(0.3);
    const by = to.opset < 10 || random.chance(0.6) ? 1 : random.int(1, 3);
    const count = random.int(1, backward ? Math.floor(from / by) + 1 : Math.floor((size - 1 - from) / by) + 1);
    const last = backward ? from - (count - 1) * by : from + (count - 1) * by;
    const end = backward
      ? last === 0
        ? -(2 ** 31)
        : last - 1
      : last === size - 1 && random.chance(0.5)
        ? 2 ** 31 - 1
        : last + 1;
    const start = random.chance(0.3) ? from - size : from;
    return {
      axis,
      start,
      end: end >= 0 && end < size && random.chance(0.2) ? end - size : end,
      by: backward ? -by : by,
      count,
    };
  });
  const shape = x.shape.map((size, i) => parts.find(({ axis }) => axis === i)?.count ?? size);
  const column = (key: "start" | "end" | "axis" | "by") => parts.map((part) => part[key]);
  if (to.opset < 10) {
    to.node("Slice", [x], shape, {
      ...moved(x),
      attrs: { starts: column("start"), ends: column("end"), axes: column("axis") },
    });
    return;
  }
  const list = (values: number[]) => to.known([values.length], values);
  const inputs = [
    x,
    list(column("start")),
    list(column("end")),
    list(column("axis").map((a) => (random.chance(0.3) ? a - rank : a))),
    list(column("by")),
  ];
  to.node("Slice", inputs, shape, moved(x));
};

const gather: Draw = (to) => {
  const { random } = to;
  const x = any(to);
  const axis = random.int(0, x.shape.length - 1);
  const size = x.shape[axis];
  const shape = random.of([[], [random.int(1, 5)], [random.int(1, 3), random.int(1, 3)]]);
  const low = to.opset >= 11 ? -size : 0;
  const ids = random.chance(0.5)
    ? to.known(
        shape,
        Array.from({ length: sizeOf(shape) }, () => random.int(low, size - 1)),
        random.of(INTEGERS),
      )
    : to.input(shape, random.of(INTEGERS), [low, size - 1]);
  to.node("Gather", [x, ids], [...x.shape.slice(0, axis), ...shape, ...x.shape.slice(axis + 1)], {
    ...moved(x),
    attrs: { axis: to.opset >= 11 && random.chance(0.3) ? axis - x.shape.length : axis },
  });
};

const embedding: Draw = (to) => {
  const [rows, width] = [to.random.int(2, 9), to.size()];
  const shape = to.random.of([[], [1], [to.random.int(2, 4)]]);
  to.node(
    "Gather",
    [to.constant([rows, width]), to.input(shape, to.random.of(INTEGERS), [0, rows - 1])],
    [...shape, width],
    {
      bound: 2,
      exact: true,
    },
  );
};

const split: Draw = (to) => {
  const { random } = to;
  const x = any(to);
  const axis = random.int(0, x.shape.length - 1);
  const size = x.shape[axis];
  const count = random.int(1, Math.min(4, size));
  const even = size % count === 0 && random.chance(0.5);
  const cuts = random
    .shuffled(Array.from({ length: size - 1 }, (_, i) => i + 1))
    .slice(0, count - 1)
    .sort((a, b) => a - b);
  const sizes = even
    ? new Array<number>(count).fill(size / count)
    : [...cuts, size].map((end, i) => end - (cuts[i - 1] ?? 0));
  const said =
    even && random.chance(0.6)
      ? { inputs: [], attrs: to.opset >= 18 ? { num_outputs: count } : {} }
      : ints(to, 13, "split", sizes);
  to.many(
    "Split",
    [x, ...said.inputs],
    sizes.map((one) => x.shape.map((old, i) => (i === axis ? one : old))),
    {
      ...moved(x),
      attrs: { ...said.attrs, axis: to.opset >= 11 && random.chance(0.3) ? axis - x.shape.length : axis },
    },
  );
};

const concat: Draw = (to) => {
  const { random } = to;
  const x = any(to);
  const axis = random.int(0, x.shape.length - 1);
  const fits = to.values.filter(
    ({ kind, shape, wild }) =>
      !wild &&
      kind === x.kind &&
      shape.length === x.shape.length &&
      shape.every((size, i) => i === axis || size === x.shape[i]),
  );
  const rest = Array.from({ length: random.int(0, 3) }, () =>
    fits.length > 0 && random.chance(0.5)
      ? random.of(fits)
      : to.fresh(
          x.shape.map((size, i) => (i === axis ? random.int(1, 5) : size)),
          x.kind,
        ),
  );
  const all = random.shuffled([x, ...rest]);
  const total = all.reduce((sum, { shape }) => sum + shape[axis], 0);
  to.node(
    "Concat",
    all,
    x.shape.map((size, i) => (i === axis ? total : size)),
    {
      kind: x.kind,
      exact: all.every(({ exact }) => exact),
      bound: Math.max(...all.map(({ bound }) => bound)),
      attrs: { axis: to.opset >= 11 && random.chance(0.3) ? axis - x.shape.length : axis },
    },
  );
};

const expand: Draw = (to) => {
  if (to.opset < 8) return;
  const x = any(to, 0);
  const shape = [
    ...Array.from({ length: to.random.int(0, 1) }, () => to.random.int(1, 3)),
    ...x.shape.map((size) => (size === 1 ? to.random.int(1, 4) : size)),
  ];
  if (shape.length === 0) return;
  const asked = shape.map((size, i) =>
    size === x.shape[i - shape.length + x.shape.length] && to.random.chance(0.3) ? 1 : size,
  );
  to.node("Expand", [x, to.known([shape.length], asked)], shape, moved(x));
};

const tile: Draw = (to) => {
  const x = any(to);
  const repeats = x.shape.map(() => (to.random.chance(0.5) ? 1 : to.random.int(1, 3)));
  to.node(
    "Tile",
    [x, to.known([repeats.length], repeats)],
    x.shape.map((size, i) => size * repeats[i]),
    moved(x),
  );
};

const scatter: Draw = (to) => {
  if (to.opset < 11) return;
  const { random } = to;
  const x = to.float(1, 3);
  const depth = random.int(1, x.shape.length);
  const block = x.shape.slice(0, depth).map((size) => random.int(1, size));
  const starts = block.map((size, i) => random.int(0, x.shape[i] - size));
  const indices: number[] = [];
  for (let i = 0; i < sizeOf(block); i++) {
    let rest = i;
    const place = block.map((_, axis) => {
      const inner = sizeOf(block.slice(axis + 1));
      const at = Math.floor(rest / inner);
      rest %= inner;
      return starts[axis] + at;
    });
    indices.push(...place.map((at, axis) => (random.chance(0.1) ? at - x.shape[axis] : at)));
  }
  const updates = to.fresh([...block, ...x.shape.slice(depth)]);
  to.node("ScatterND", [x, to.known([...block, depth], indices), updates], x.shape, {
    bound: Math.max(3, x.bound),
    exact: x.exact,
  });
};

/** Chains that must fold away before anything runs. */
const folding: Draw = (to) => {
  const { random } = to;
  const x = any(to);
  const info = { kind: "int64", bound: 4000, exact: true } as const;
  if (to.opset < 11) return;
  const sizes = to.node("Shape", [x], [x.shape.length], info);
  const n = to.node("Gather", [sizes, to.known([], [random.int(0, x.shape.length - 1)])], [], info);
  const filled = to.node("ConstantOfShape", [sizes], x.shape, { bound: 0, exact: true });
  const even = to.node("Equal", [n, to.known([], [random.int(1, 7)])], [], { kind: "bool", bound: 1, exact: true });
  to.node("Where", [even, to.input(x.shape), filled], x.shape, { bound: 3, exact: true });
};

export const OPERATORS: Readonly<Record<string, Draw>> = {
  Add: arithmetic("Add", (a, b) => a + b),
  Sub: arithmetic("Sub", (a, b) => a + b),
  Mul: arithmetic("Mul", (a, b) => a * b),
  Div: division,
  Pow: power,
  Min: extreme("Min"),
  Max: extreme("Max"),
  PRelu: prelu,
  Where: where,
  Equal: comparison("Equal", ["int64", "int32", "float"]),
  Greater: comparison("Greater", ["float", "int64", "int32"]),
  Less: comparison("Less", ["float", "int64", "int32"]),
  GreaterOrEqual: comparison("GreaterOrEqual", NUMBERS, 12),
  LessOrEqual: comparison("LessOrEqual", NUMBERS, 12),
  And: logical("And"),
  Or: logical("Or"),
  Not: unary("Not", { kinds: ["bool"], exact: true }),
  Sigmoid: unary("Sigmoid", { bound: one }),
  Tanh: unary("Tanh", { bound: one }),
  Relu: unary("Relu", { exact: true }),
  LeakyRelu: unary("LeakyRelu", { attrs: alpha(-0.5, 0.9) }),
  Elu: unary("Elu", { attrs: alpha(-1, 2), bound: (x) => x + 2 }),
  HardSigmoid: unary("HardSigmoid", {
    bound: one,
    attrs: (to) => ({ alpha: float(to.random.float(0.1, 1)), beta: float(to.random.float(0, 1)) }),
  }),
  ThresholdedRelu: unary("ThresholdedRelu", { since: 10, kinds: ["float"], attrs: alpha(-1, 2) }),
  Softplus: unary("Softplus", { bound: (x) => x + 1 }),
  Softsign: unary("Softsign", { bound: one }),
  Mish: unary("Mish", { since: 18 }),
  Abs: unary("Abs", { exact: true }),
  "Abs of integers": unary("Abs", { kinds: INTEGERS, exact: true }),
  Neg: unary("Neg", { exact: true }),
  "Neg of integers": unary("Neg", { kinds: INTEGERS, exact: true }),
  Exp: unary("Exp", { most: 4, bound: Math.exp }),
  Log: unary("Log", { range: [0.01, 9], bound: () => 5 }),
  "Log of anything": unary("Log", { range: [-1, 9], wild: true }),
  Sqrt: unary("Sqrt", { range: [0, 9] }),
  "Sqrt of anything": unary("Sqrt", { range: [-1, 9], wild: true }),
  Reciprocal: unary("Reciprocal", { range: [0.25, 9], bound: () => 4 }),
  Erf: unary("Erf", { since: 9, bound: one }),
  Floor: unary("Floor", { kinds: ["float"], exact: true, bound: (x) => x + 1 }),
  Ceil: unary("Ceil", { kinds: ["float"], exact: true, bound: (x) => x + 1 }),
  Round: unary("Round", { since: 11, kinds: ["float"], exact: true, bound: (x) => x + 1 }),
  "Round of halves": (to) => {
    if (to.opset < 11) return;
    const shape = to.shape(1, 2);
    const halves = Array.from({ length: sizeOf(shape) }, () => to.random.int(-9, 9) / 2);
    const x = to.node("Mul", [to.input([1], "float", [1, 1]), to.known(shape, halves, "float")], shape, {
      bound: 5,
      exact: true,
    });
    to.node("Round", [x], shape, { bound: 5, exact: true });
  },
  Sin: unary("Sin", { bound: one }),
  Cos: unary("Cos", { bound: one }),
  Gelu: unary("Gelu", { since: 20, attrs: (to) => ({ approximate: to.random.of(["none", "tanh"]) }) }),
  Clip: clip,
  "Clip of integers": clipOfIntegers,
  Cast: cast,
  MatMul: matmul,
  Gemm: gemm,
  Einsum: einsum,
  Softmax: softmax("Softmax"),
  LogSoftmax: softmax("LogSoftmax"),
  BatchNormalization: batchNorm,
  LayerNormalization: layerNorm,
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool("MaxPool"),
  AveragePool: pool("AveragePool"),
  GlobalAveragePool: globalPool,
  Pad: pad,
  ReduceMean: reduce("ReduceMean", 18),
  ReduceSum: reduce("ReduceSum", 13),
  ReduceMax: reduce("ReduceMax", 18),
  "ReduceMin of constants": reduceKnown("ReduceMin"),
  "ReduceProd of constants": reduceKnown("ReduceProd"),
  ArgMax: argMax,
  TopK: topK,
  Identity: identity,
  Dropout: dropout,
  Reshape: reshape,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Flatten: flatten,
  Transpose: transpose,
  Slice: slice,
  Gather: gather,
  Embedding: embedding,
  Split: split,
  Concat: concat,
  Expand: expand,
  Tile: tile,
  ScatterND: scatter,
  "Shape, ConstantOfShape, Equal": folding,
};
