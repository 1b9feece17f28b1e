"""Makes the golden vectors of the graph operators: what PyTorch and NumPy say each computes.

    python3 make.py                 writes one file per operator and manifest.json beside this script
    python3 make.py --out FOLDER    writes them there; the same versions of torch and numpy give the same bytes

One safetensors file per operator, `__metadata__.case` = { op, cases: [{ name, attrs, inputs, outputs, tolerance }] }:
    CASE.in.N          f32 or i32: input N ("inputs" lists each with whether it is a constant of the graph)
    CASE.tensor.NAME   f32: a tensor of the node
    CASE.out.N         f64 or i32: output N, computed in double precision from the same f32 numbers
`tolerance` is relative to the largest magnitude of an output (at least 1): 1e-6 for what is rounded once, more for sums.
"""

import argparse
import hashlib
import json
import os
import zlib

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
DTYPES = {"float32": "F32", "float64": "F64", "int32": "I32"}
CASES = {}


class Maker:
    """The cases of one operator, each with a seed of its own."""

    def __init__(self, op):
        self.op = op
        self.cases = []
        self.arrays = {}

    def rng(self, name):
        return np.random.default_rng(zlib.crc32(f"{self.op} {name}".encode()))

    def add(self, name, inputs, outputs, attrs=None, tensors=None, tolerance=1e-6, constants=()):
        assert all(case["name"] != name for case in self.cases), name
        outs = [np.asarray(o.detach() if isinstance(o, torch.Tensor) else o) for o in outputs]
        outs = [o.astype(np.int32 if o.dtype.kind in "biu" else np.float64) for o in outs]
        # What f32 cannot hold is infinite.
        outs = [np.where(np.abs(o) > np.finfo(np.float32).max, np.sign(o) * np.inf, o) if o.dtype.kind == "f" else o for o in outs]
        for i, x in enumerate(inputs):
            if x is not None:
                self.arrays[f"{name}.in.{i}"] = x
        for key, x in (tensors or {}).items():
            self.arrays[f"{name}.tensor.{key}"] = x
        for i, y in enumerate(outs):
            self.arrays[f"{name}.out.{i}"] = y
        self.cases.append({
            "name": name, "attrs": attrs or {}, "outputs": len(outs), "tolerance": tolerance,
            "inputs": [None if x is None else {"constant": i in constants} for i, x in enumerate(inputs)],
        })


def operator(make):
    op = make.__name__.rstrip("_")
    maker = Maker(op)
    make(maker)
    assert len(maker.cases) >= 8, f"{op}: {len(maker.cases)} cases"
    CASES[op] = maker
    return make


def f32(rng, *shape, scale=1.0, shift=0.0):
    return (rng.standard_normal(shape) * scale + shift).astype(np.float32)


def t64(x):
    return torch.from_numpy(np.asarray(x)).double()


# --- Element by element ----------------------------------------------------------------------------------------------

PAIRS = [((5,), (5,)), ((1, 7), (1, 1)), ((3, 1), (1, 4)), ((2, 3, 5), (3, 1)), ((1, 33), (33,)), ((4, 2, 9), (4, 2, 9)),
         ((1,), (2, 17)), ((2, 1, 6), (1, 5, 1)), ((2, 3, 4, 5), (4, 1))]


def pairs(make, f, kinds=("f",), prepare=lambda a: a):
    for kind in kinds:
        for n, (a, b) in enumerate(PAIRS):
            name = f"{kind}{'x'.join(map(str, a))}_{'x'.join(map(str, b))}"
            rng = make.rng(name)
            if kind == "i":
                x, y = (rng.integers(-4, 5, s).astype(np.int32) for s in (a, b))
            else:
                x, y = prepare(f32(rng, *a)), prepare(f32(rng, *b))
            wide = [v if kind == "i" else v.astype(np.float64) for v in (x, y)]
            make.add(name, [x, y], [f(*wide)], constants=(1,) if n % 3 == 1 else ())


def arithmetic(name, f, kinds=("f", "i")):
    def build(make):
        pairs(make, f, kinds)
        rng = make.rng("edges")
        edge = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-40, 3e38], np.float32)
        a, b = np.meshgrid(edge, edge)
        with np.errstate(all="ignore"):
            make.add("edges", [a.astype(np.float32), b.astype(np.float32)], [f(a.astype(np.float64), b.astype(np.float64))])
    build.__name__ = name
    operator(build)


arithmetic("sub", np.subtract)
arithmetic("mul", np.multiply)
arithmetic("greater", np.greater)
arithmetic("greaterEqual", np.greater_equal)
arithmetic("less", np.less)
arithmetic("lessEqual", np.less_equal)
arithmetic("equal", np.equal)


def several(name, f):
    def build(make):
        pairs(make, f, ("f", "i"))
        rng = make.rng("three")
        xs = [f32(rng, 2, 5), f32(rng, 5), f32(rng, 2, 1)]
        wide = [x.astype(np.float64) for x in xs]
        make.add("three", xs, [f(f(wide[0], wide[1]), wide[2])])
    build.__name__ = name
    operator(build)


several("add", np.add)
several("minimum", np.minimum)
several("maximum", np.maximum)


@operator
def div(make):
    pairs(make, np.divide, ("f",), lambda a: np.where(np.abs(a) < 0.1, np.float32(0.5), a))
    rng = make.rng("integers")
    a = rng.integers(-50, 51, (4, 9)).astype(np.int32)
    b = np.where(np.arange(9) % 2 == 0, 3, -4).astype(np.int32)
    make.add("integers", [a, b], [np.trunc(a / b).astype(np.int32)])
    make.add("largest", [np.array([2147483647, -2147483648, -7], np.int32), np.array([2, 3, 2], np.int32)],
             [np.array([1073741823, -715827882, -3], np.int32)])


@operator
def pow_(make):
    pairs(make, np.power, ("f",), lambda a: np.abs(a) + np.float32(0.1))
    base = np.array([-2, -1, -0.5, 0.5, 1, 2, 0, 3, -3], np.float32)
    for e in (2.0, 3.0, -1.0, 0.0, 0.5, -2.0):
        b = base if e >= 0 and e != 0.5 else np.where(base == 0, np.float32(1.5), base)
        b = np.abs(b) if e == 0.5 else b
        make.add(f"exponent_{e}", [b.astype(np.float32), np.array([e], np.float32)], [np.power(b.astype(np.float64), e)], constants=(1,))


def truth(name, f):
    def build(make):
        for n, (a, b) in enumerate(PAIRS):
            key = f"{'x'.join(map(str, a))}_{'x'.join(map(str, b))}"
            rng = make.rng(key)
            x, y = (rng.integers(0, 3, s).astype(np.int32) for s in (a, b))
            make.add(key, [x, y], [f(x != 0, y != 0)])
    build.__name__ = name
    operator(build)


truth("logicalAnd", np.logical_and)
truth("logicalOr", np.logical_or)


@operator
def logicalNot(make):
    for shape in [(1,), (4,), (5,), (2, 3), (1, 17), (3, 1, 4), (2, 2, 2, 2), (33,)]:
        key = "x".join(map(str, shape))
        x = make.rng(key).integers(-1, 2, shape).astype(np.int32)
        make.add(key, [x], [x == 0])


@operator
def where(make):
    triples = [((5,), (5,), (5,)), ((1, 7), (1, 1), (7,)), ((3, 1), (1, 4), (1,)), ((2, 3, 5), (3, 1), (5,)), ((1,), (9,), (9,)),
               ((4, 2, 9), (4, 2, 9), (4, 2, 9)), ((2, 1), (2, 17), (17,)), ((2, 1, 6), (1, 5, 1), (1, 1, 1))]
    for n, (c, a, b) in enumerate(triples):
        key = f"{'x'.join(map(str, c))}_{n}"
        rng = make.rng(key)
        cond = rng.integers(0, 2, c).astype(np.int32)
        x, y = f32(rng, *a), f32(rng, *b)
        if n == 4:
            x, y = (rng.integers(-9, 9, s).astype(np.int32) for s in (a, b))
        make.add(key, [cond, x, y], [np.where(cond != 0, x, y)])


@operator
def prelu(make):
    for n, (a, b) in enumerate([((5,), (1,)), ((1, 7), (7,)), ((1, 3, 4, 5), (3, 1, 1)), ((1, 16, 33), (16, 1)), ((2, 9), (2, 9)),
                                ((1, 4, 1, 2), (4, 1, 1)), ((6, 6), (6, 1)), ((1, 2, 31), (1, 1))]):
        key = "x".join(map(str, a))
        rng = make.rng(key)
        x, s = f32(rng, *a), f32(rng, *b)
        wide = x.astype(np.float64)
        make.add(key, [x, s], [np.where(wide < 0, wide * s, wide)], constants=(1,) if n % 2 else ())


ACTIVATIONS = {
    "abs": torch.abs, "neg": torch.neg, "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "reciprocal": torch.reciprocal,
    "erf": torch.erf, "gelu": F.gelu, "geluTanh": lambda x: F.gelu(x, approximate="tanh"), "floor": torch.floor,
    "ceil": torch.ceil, "round": torch.round, "sin": torch.sin, "cos": torch.cos, "silu": F.silu, "mish": F.mish,
    "pow2": torch.square, "sign": torch.sign, "hardSwish": F.hardswish, "sigmoid": torch.sigmoid, "tanh": torch.tanh,
    "relu": F.relu, "softplus": F.softplus, "elu": F.elu, "leakyRelu": F.leaky_relu, "softsign": F.softsign,
    "hardSigmoid": F.hardsigmoid, "identity": lambda x: x,
}


@operator
def activation(make):
    for name, f in ACTIVATIONS.items():
        for shape in [(37,), (1, 3, 5)]:
            key = f"{name}_{'x'.join(map(str, shape))}"
            rng = make.rng(key)
            x = f32(rng, *shape, scale=3)
            if name in ("log", "sqrt"):
                x = np.abs(x) + np.float32(1e-3)
            if name == "reciprocal":
                x = np.where(np.abs(x) < 0.05, np.float32(1), x)
            if name == "softplus":
                x = np.minimum(x, np.float32(15))
            make.add(key, [x], [f(t64(x))], {"function": name}, tolerance=2e-6)
    for name in ("exp", "log", "sqrt", "erf", "gelu", "sin", "cos", "silu", "mish", "abs", "floor", "round", "geluTanh"):
        x = np.array([0, -0.0, 1e-30, -1e-30, 1, -1, 0.5, 1.5, 2.5, -0.5, -1.5, 10, -10, 40, -40, 80, -80], np.float32)
        if name in ("log", "sqrt"):
            x = np.abs(x)
        x = np.append(x, np.float32(np.nan))
        y = ACTIVATIONS[name](t64(x)).numpy()
        keep = np.abs(y) < 1e30
        keep |= ~np.isfinite(y)
        make.add(f"{name}_edges", [x[keep]], [y[keep]], {"function": name}, tolerance=2e-6 if name != "exp" else 1e-6)
    rng = make.rng("clip")
    x = f32(rng, 3, 7, scale=4)
    make.add("clip", [x], [np.clip(x.astype(np.float64), -1, 2.5)], {"function": [{"name": "clip", "alpha": -1, "beta": 2.5}]})


@operator
def cast(make):
    values = np.array([0, 0.9, -0.9, 1.5, -1.5, 2.5, 1e9, -1e9, 16777216, -16777215, 7.999], np.float32)
    for n in (1, 2, 4, 5, 11):
        make.add(f"integer_{n}", [values[:n]], [np.trunc(values[:n]).astype(np.int32)], {"to": "I32"})
        i = np.arange(-3, n - 3, dtype=np.int32) * 1001
        make.add(f"float_{n}", [i], [i.astype(np.float64)], {"to": "F32"})
    make.add("same", [values], [values.astype(np.float64)], {"to": "F32"})


# --- Moving ----------------------------------------------------------------------------------------------------------

def key_of(*parts):
    return "_".join("x".join(map(str, p)) if isinstance(p, (tuple, list)) else str(p) for p in parts).replace("-", "m")


@operator
def constant(make):
    for shape in [(1,), (4,), (5,), (2, 3), (1, 17), (3, 1, 4), (2, 2, 2, 2)]:
        x = f32(make.rng(key_of(shape)), *shape)
        make.add(key_of(shape), [], [x], {"shape": list(shape)}, {"value": x})
    make.add("scalar", [], [np.float32(2.5)], {"shape": []}, {"value": np.array(2.5, np.float32)})


@operator
def reshape(make):
    for a, b in [((6,), (2, 3)), ((2, 3), (6,)), ((1, 4, 5), (4, 5)), ((4, 5), (1, 4, 1, 5)), ((1,), ()), ((3, 3), (9, 1)),
                 ((2, 3, 4), (4, 6)), ((1, 17), (17, 1))]:
        x = f32(make.rng(key_of(a, b)), *a)
        make.add(key_of(a, b), [x], [x.reshape(b)], {"shape": list(b)})


@operator
def transpose(make):
    for a, p in [((3, 5), (1, 0)), ((1, 7), (1, 0)), ((2, 3, 4), (0, 2, 1)), ((2, 3, 4), (2, 0, 1)), ((1, 16, 1, 33), (0, 2, 3, 1)),
                 ((2, 3, 4, 5), (3, 2, 1, 0)), ((8, 9), (1, 0)), ((4, 1, 6), (1, 0, 2)), ((2, 2, 2, 3, 2), (4, 0, 3, 1, 2)), ((5,), (0,))]:
        x = f32(make.rng(key_of(a, p)), *a)
        make.add(key_of(a, p), [x], [x.transpose(p)], {"perm": list(p)})
    x = np.arange(12, dtype=np.int32).reshape(3, 4)
    make.add("integers", [x], [x.T], {"perm": [1, 0]})


@operator
def slice_(make):
    for a, s, st, n in [((9,), [2], [1], [4]), ((9,), [8], [-1], [9]), ((9,), [7], [-3], [3]), ((3, 8), [1, 0], [1, 2], [2, 4]),
                        ((1, 16, 33), [0, 4, 0], [1, 1, 1], [1, 8, 33]), ((2, 3, 4), [0, 2, 3], [1, -1, -2], [2, 3, 2]),
                        ((1, 5, 1, 6), [0, 3, 0, 1], [1, 1, 1, 1], [1, 1, 1, 5]), ((4, 4), [3, 0], [1, 1], [1, 4]), ((64,), [17], [1], [40])]:
        x = f32(make.rng(key_of(a, s, n)), *a)
        y = x
        for axis in range(len(a)):
            y = y.take([s[axis] + st[axis] * i for i in range(n[axis])], axis)
        make.add(key_of(a, s, st), [x], [y], {"starts": s, "steps": st, "sizes": n})


@operator
def pad(make):
    for a, p, mode in [((5,), [2, 1], "constant"), ((2, 3), [1, 0, 0, 2], "constant"), ((1, 3, 7), [0, 0, 2, 0, 0, 3], "constant"),
                       ((1, 2, 4, 5), [0, 0, 1, 1, 0, 0, 1, 0], "constant"), ((9,), [3, 8], "reflect"), ((1, 33), [0, 5, 0, 0], "reflect"),
                       ((4, 6), [2, 1, 3, 4], "reflect"), ((1, 2, 3, 5), [0, 0, 1, 2, 0, 0, 2, 0], "reflect"), ((3,), [0, 0], "constant")]:
        x = f32(make.rng(key_of(a, p, mode)), *a)
        r = len(a)
        width = [(p[i], p[r + i]) for i in range(r)]
        y = np.pad(x, width, mode=mode, **({"constant_values": 1.5} if mode == "constant" else {}))
        make.add(key_of(a, p, mode), [x], [y], {"pads": p, "mode": mode, **({"value": 1.5} if mode == "constant" else {})})


@operator
def concat(make):
    for shapes, axis in [([(3,), (5,)], 0), ([(1, 3), (1, 4), (1, 1)], -1), ([(2, 3), (5, 3)], 0), ([(1, 2, 7), (1, 3, 7)], 1),
                         ([(1, 2, 7), (1, 2, 2)], 2), ([(2, 1, 3, 2), (2, 4, 3, 2)], 1), ([(4, 4)] * 3, 1), ([(1, 17), (1, 16)], 1)]:
        rng = make.rng(key_of(*shapes, axis))
        xs = [f32(rng, *s) for s in shapes]
        make.add(key_of(*shapes, axis), xs, [np.concatenate(xs, axis)], {"axis": axis}, constants=(1,) if axis == 1 else ())


@operator
def expand(make):
    for a, b in [((1,), (5,)), ((3, 1), (3, 4)), ((1, 4), (3, 4)), ((4,), (2, 3, 4)), ((2, 1, 3), (2, 5, 3)), ((1, 1), (7, 9)),
                 ((3, 1), (2, 3, 1)), ((5, 1, 1), (1, 2, 3))]:
        x = f32(make.rng(key_of(a, b)), *a)
        make.add(key_of(a, b), [x], [np.broadcast_to(x, np.broadcast_shapes(a, b))], {"shape": list(b)})


@operator
def tile(make):
    for a, r in [((3,), (2,)), ((2, 3), (1, 3)), ((2, 3), (3, 1)), ((1, 5), (4, 2)), ((2, 1, 4), (2, 3, 1)), ((1,), (9,)),
                 ((2, 2, 2), (1, 2, 2)), ((7, 1), (1, 1))]:
        x = f32(make.rng(key_of(a, r)), *a)
        make.add(key_of(a, r), [x], [np.tile(x, r)], {"repeats": list(r)})


@operator
def gather(make):
    for n, (a, ids, axis) in enumerate([((5,), [3, 0, 4], 0), ((4, 6), [[1], [3]], 0), ((4, 6), [5, 5, 0, 2], 1), ((2, 3, 4), [2, -1], 1),
                                        ((2, 3, 4), [[0, 3], [-4, 1]], -1), ((9, 3), [-9, 8], 0), ((3, 1, 5), [2, 1, 0], 0), ((7,), [6], 0)]):
        rng = make.rng(key_of(a, n))
        x = f32(rng, *a)
        i = np.array(ids, np.int32)
        make.add(key_of(a, n), [x, i], [np.take(x, i, axis)], {"axis": axis}, constants=(1,) if n % 2 else ())


@operator
def embedding(make):
    for n, (v, d, ids) in enumerate([(5, 3, [4]), (5, 3, [0, 4, 2]), (7, 8, [[1, 2], [3, 6]]), (4, 1, [3, 3]), (9, 17, [[8]]), (3, 4, [2, 1, 0]),
                                     (12, 5, [[[11], [0]]]), (2, 33, [1, 0])]):
        w = f32(make.rng(key_of(v, d, n)), v, d)
        i = np.array(ids, np.int32)
        make.add(key_of(v, d, n), [i], [F.embedding(torch.from_numpy(i).long(), t64(w))], {"numEmbeddings": v, "embeddingDim": d}, {"weight": w})


@operator
def scatterCache(make):
    for a, u, s in [((5,), (2,), [3]), ((3, 4), (1, 4), [2, 0]), ((3, 4), (2, 2), [1, 1]), ((1, 2, 16, 9), (1, 2, 4, 9), [0, 0, 12, 0]),
                    ((2, 3), (2, 3), [0, 0]), ((4, 1, 5), (1, 1, 5), [2, 0, 0]), ((6, 6), (3, 1), [3, 5]), ((17,), (1,), [0])]:
        rng = make.rng(key_of(a, u))
        c, x = f32(rng, *a), f32(rng, *u)
        y = c.copy()
        y[tuple(slice(f, f + n) for f, n in zip(s, u))] = x
        make.add(key_of(a, u, s), [c, x], [y], {"starts": s})


# --- Taking together -------------------------------------------------------------------------------------------------

REDUCED = [((5,), [0], True), ((5,), [0], False), ((2, 7), [-1], False), ((2, 7), [0], True), ((2, 3, 5), [0, 2], True), ((1, 16, 33), [-1], True),
           ((3, 4, 5), [1], False), ((2, 3, 4, 5), [1, 2], False), ((2, 3, 4, 5), [0, 1, 2, 3], False), ((2, 129), [1], True), ((4, 1, 6), [1], False)]


def reduction(name, f):
    def build(make):
        for a, axes, keep in REDUCED:
            x = f32(make.rng(key_of(a, axes, keep)), *a)
            make.add(key_of(a, axes, keep), [x], [f(x.astype(np.float64), axis=tuple(axes), keepdims=keep)], {"axes": axes, "keepdim": keep})
    build.__name__ = name
    operator(build)


reduction("mean", np.mean)
reduction("sum", np.sum)
reduction("max", np.max)


@operator
def argMax(make):
    for a, axis, keep in [((5,), 0, True), ((2, 7), -1, False), ((2, 7), 0, True), ((2, 3, 5), 1, False), ((1, 33), 1, False), ((3, 4, 5), 0, True),
                          ((17,), 0, False), ((2, 1, 6), 2, True)]:
        x = make.rng(key_of(a, axis)).integers(0, 6, a).astype(np.float32)
        y = np.expand_dims(np.argmax(x, axis), axis) if keep else np.argmax(x, axis)
        make.add(key_of(a, axis, keep), [x], [y.astype(np.int32)], {"axis": axis, "keepdim": keep})


@operator
def topK(make):
    for a, k, axis, largest in [((5,), 2, 0, True), ((5,), 5, 0, False), ((2, 7), 3, -1, True), ((4, 3), 2, 0, False), ((2, 5, 3), 2, 1, True),
                                ((1, 33), 4, 1, True), ((9,), 1, 0, False), ((2, 2, 6), 6, 2, False)]:
        rng = make.rng(key_of(a, k, axis))
        x = rng.permutation(int(np.prod(a))).reshape(a).astype(np.float32) - 4
        v, i = torch.topk(t64(x), k, axis, largest, True)
        make.add(key_of(a, k, axis, largest), [x], [v, i.int()], {"k": k, "axis": axis, "largest": largest})


def softmaxes(name, f):
    def build(make):
        for a, axis in [((5,), 0), ((2, 7), -1), ((2, 7), 0), ((2, 3, 5), 1), ((1, 16, 33), 2), ((3, 1), 1), ((2, 17), 1), ((2, 2, 3, 4), 2)]:
            x = f32(make.rng(key_of(a, axis)), *a, scale=4)
            make.add(key_of(a, axis), [x], [f(t64(x), axis)], {"axis": axis}, tolerance=1e-6)
    build.__name__ = name
    operator(build)


softmaxes("softmax", torch.softmax)
softmaxes("logSoftmax", torch.log_softmax)


@operator
def layerNorm(make):
    for n, a in enumerate([(5,), (1, 7), (3, 8), (2, 3, 5), (1, 33, 16), (4, 1, 2), (2, 65), (1, 2, 3, 9)]):
        rng = make.rng(key_of(a))
        x, w, b = f32(rng, *a), f32(rng, a[-1]), f32(rng, a[-1])
        attrs = {"size": a[-1], "affine": n % 3 != 0, "bias": n % 3 == 1}
        tensors = {} if n % 3 == 0 else {"weight": w, **({"bias": b} if n % 3 == 1 else {})}
        y = F.layer_norm(t64(x), (a[-1],), *(t64(v) for v in tensors.values()))
        make.add(key_of(a), [x], [y], attrs, tensors, tolerance=3e-6)


@operator
def batchNorm(make):
    for n, (a, axis) in enumerate([((5,), 0), ((1, 7), 1), ((1, 3, 8), 1), ((2, 3, 5), 1), ((1, 16, 1, 33), 1), ((4, 1, 2), 2), ((2, 9), 0), ((1, 2, 3, 9), 3)]):
        rng = make.rng(key_of(a))
        c = a[axis]
        x, w, b, m = f32(rng, *a), f32(rng, c), f32(rng, c), f32(rng, c)
        v = (rng.random(c) + 0.2).astype(np.float32)
        tensors = {"weight": w, "bias": b} if n % 2 else {}
        shape = [1] * len(a)
        shape[axis] = c
        r = lambda q: q.astype(np.float64).reshape(shape)
        y = (x - r(m)) / np.sqrt(r(v) + 1e-5)
        y = y * r(w) + r(b) if n % 2 else y
        make.add(key_of(a, axis), [x], [y], {"size": c, "axis": axis, "affine": bool(n % 2)}, {**tensors, "running_mean": m, "running_var": v}, tolerance=3e-6)


# --- Products --------------------------------------------------------------------------------------------------------

@operator
def linear(make):
    for n, (a, o) in enumerate([((5,), 3), ((1, 7), 4), ((3, 8), 5), ((2, 3, 5), 8), ((1, 33, 16), 17), ((4, 1, 2), 1), ((6, 9), 36), ((2, 2, 3, 4), 16)]):
        rng = make.rng(key_of(a, o))
        x, w, b = f32(rng, *a), f32(rng, o, a[-1]), f32(rng, o)
        tensors = {"weight": w, **({"bias": b} if n % 2 else {})}
        y = F.linear(t64(x), t64(w), t64(b) if n % 2 else None)
        attrs = {"inFeatures": a[-1], "outFeatures": o, "bias": bool(n % 2)}
        if n > 4:
            attrs["activation"] = "relu"
            y = F.relu(y)
        make.add(key_of(a, o), [x], [y], attrs, tensors, tolerance=3e-6)


@operator
def matmul(make):
    for n, (a, b) in enumerate([((3, 4), (4, 5)), ((1, 7), (7, 9)), ((5,), (5, 3)), ((3, 5), (5,)), ((5,), (5,)), ((2, 3, 4), (4, 8)), ((2, 3, 4), (2, 4, 17)),
                                ((3, 4), (2, 4, 5)), ((2, 1, 3, 4), (1, 5, 4, 6)), ((9, 33), (33, 16)), ((2, 8, 8), (1, 8, 3)), ((1, 4), (4, 1))]):
        rng = make.rng(key_of(a, b))
        x, y = f32(rng, *a), f32(rng, *b)
        make.add(key_of(a, b), [x, y], [np.matmul(x.astype(np.float64), y.astype(np.float64))], tolerance=3e-6, constants=((), (0,), (1,))[n % 3])


# rank, channels, outputs, sizes, kernel, stride, dilation, padding (begins, ends), groups
CONVS = [
    (1, 1, 1, (9,), (3,), (1,), (1,), (0, 0), 1), (1, 2, 5, (17,), (3,), (1,), (1,), (1, 1), 1), (1, 1, 18, (40,), (16,), (8,), (1,), (0, 0), 1),
    (1, 8, 12, (4,), (3,), (2,), (1,), (1, 1), 1), (1, 16, 8, (1,), (1,), (1,), (1,), (0, 0), 1), (1, 6, 6, (13,), (5,), (1,), (2,), (4, 4), 6),
    (1, 4, 8, (12,), (4,), (3,), (1,), (2, 0), 2), (2, 1, 3, (5, 6), (3, 3), (1, 1), (1, 1), (0, 0, 0, 0), 1), (2, 3, 8, (3, 33), (1, 5), (1, 2), (1, 1), (0, 2, 0, 2), 1),
    (2, 8, 8, (5, 17), (3, 3), (1, 1), (2, 1), (0, 1, 0, 1), 8), (2, 4, 6, (1, 20), (1, 1), (1, 1), (1, 1), (0, 0, 0, 0), 2), (2, 4, 12, (4, 3), (2, 3), (2, 1), (1, 1), (1, 1, 0, 1), 2),
    (2, 16, 16, (1, 33), (1, 1), (1, 1), (1, 1), (0, 0, 0, 0), 1), (2, 2, 9, (7, 1), (3, 1), (1, 1), (1, 1), (1, 0, 1, 0), 1), (1, 24, 16, (2,), (2,), (1,), (1,), (0, 0), 1),
    (1, 5, 9, (3,), (3,), (1,), (1,), (1, 1), 1), (2, 16, 16, (2, 3), (1, 3), (1, 1), (1, 1), (0, 1, 0, 1), 2), (1, 3, 4, (30,), (4,), (4,), (3,), (0, 5), 1),
]


def torch_pads(padding):
    rank = len(padding) // 2
    return [v for axis in reversed(range(rank)) for v in (padding[axis], padding[rank + axis])]


@operator
def conv(make):
    for n, (rank, c, o, size, k, s, d, p, g) in enumerate(CONVS):
        name = key_of(n, c, o, size, k, s, d, g)
        rng = make.rng(name)
        x, w, b = f32(rng, 1, c, *size), f32(rng, o, c // g, *k, scale=0.5), f32(rng, o)
        bias = n % 3 != 1
        y = (F.conv1d, F.conv2d)[rank - 1](F.pad(t64(x), torch_pads(p)), t64(w), t64(b) if bias else None, s, 0, d, g)
        attrs = {"kernel": list(k), "stride": list(s), "dilation": list(d), "padding": list(p), "groups": g, "inChannels": c, "outChannels": o, "bias": bias}
        if n % 5 == 2:
            attrs["activation"] = "relu"
            y = F.relu(y)
        make.add(name, [x], [y], attrs, {"weight": w, **({"bias": b} if bias else {})}, tolerance=3e-6)


# rank, channels, outputs, sizes, kernel, stride, dilation, padding (the same at both ends), groups, outputPadding
TRANSPOSED = [
    (1, 1, 1, (5,), (3,), (1,), (1,), (0,), 1, (0,)), (1, 2, 4, (9,), (4,), (2,), (1,), (1,), 1, (0,)), (1, 4, 2, (7,), (3,), (2,), (1,), (1,), 2, (1,)),
    (1, 3, 5, (1,), (8,), (4,), (1,), (2,), 1, (0,)), (2, 16, 8, (1, 17), (1, 5), (1, 2), (1, 1), (0, 2), 2, (0, 0)), (2, 4, 4, (3, 9), (3, 3), (1, 1), (2, 1), (3, 1), 4, (0, 0)),
    (2, 2, 3, (3, 4), (2, 3), (2, 3), (1, 1), (0, 0), 1, (1, 2)), (2, 6, 1, (2, 33), (1, 5), (1, 2), (1, 1), (0, 2), 1, (0, 0)), (1, 2, 2, (6,), (2,), (1,), (1,), (1,), 1, (0,)),
    (1, 3, 6, (4,), (3,), (3,), (2,), (2,), 3, (1,)), (2, 2, 2, (4, 3), (1, 1), (1, 1), (1, 1), (0, 0), 1, (0, 0)),
]


@operator
def convTranspose(make):
    for n, (rank, c, o, size, k, s, d, p, g, more) in enumerate(TRANSPOSED):
        name = key_of(n, c, o, size, k, s, d, g)
        rng = make.rng(name)
        x, w, b = f32(rng, 1, c, *size), f32(rng, c, o // g, *k, scale=0.5), f32(rng, o)
        bias = n % 3 != 1
        y = (F.conv_transpose1d, F.conv_transpose2d)[rank - 1](t64(x), t64(w), t64(b) if bias else None, s, p, more, g, d)
        attrs = {"kernel": list(k), "stride": list(s), "dilation": list(d), "padding": [*p, *p], "groups": g, "inChannels": c, "outChannels": o,
                 "bias": bias, "outputPadding": list(more)}
        if n % 5 == 2:
            attrs["activation"] = "tanh"
            y = torch.tanh(y)
        make.add(name, [x], [y], attrs, {"weight": w, **({"bias": b} if bias else {})}, tolerance=3e-6)


# channels, sizes, kernel, stride, dilation, padding (the same at both ends)
POOLS = [(1, (9,), (3,), (1,), (0,)), (3, (17,), (2,), (2,), (0,)), (2, (10,), (4,), (3,), (2,)), (4, (5, 6), (2, 2), (2, 2), (0, 0)), (2, (5, 33), (3, 3), (1, 1), (1, 1)),
         (3, (4, 7), (1, 3), (1, 2), (0, 1)), (1, (6, 1), (3, 1), (3, 1), (1, 0)), (2, (3, 3), (3, 3), (1, 1), (0, 0)), (5, (2, 20), (2, 4), (1, 4), (1, 2))]


@operator
def maxPool(make):
    for n, (c, size, k, s, p) in enumerate(POOLS):
        name = key_of(n, c, size, k, s)
        x = f32(make.rng(name), 1, c, *size)
        y = (F.max_pool1d, F.max_pool2d)[len(k) - 1](t64(x), k, s, p)
        make.add(name, [x], [y], {"kernel": list(k), "stride": list(s), "padding": [*p, *p]})
    x = f32(make.rng("dilated"), 1, 2, 20)
    make.add("dilated", [x], [F.max_pool1d(t64(x), 3, 2, 1, 3)], {"kernel": [3], "stride": [2], "padding": [1, 1], "dilation": [3]})


@operator
def avgPool(make):
    for n, (c, size, k, s, p) in enumerate(POOLS):
        name = key_of(n, c, size, k, s)
        x = f32(make.rng(name), 1, c, *size)
        for counted in (False, True):
            y = (F.avg_pool1d, F.avg_pool2d)[len(k) - 1](t64(x), k, s, p, False, counted)
            make.add(f"{name}_{counted}", [x], [y], {"kernel": list(k), "stride": list(s), "padding": [*p, *p], "countIncludePad": counted})


# --- Recurrent layers over an axis of their own input ----------------------------------------------------------------

def scans(name, module, gates):
    def build(make):
        # T, B, I, H, layers, bidirectional, h0 given, the last states wanted
        for n, (T, B, I, H, L, D, given, wanted) in enumerate([
                (1, 1, 3, 4, 1, False, False, False), (5, 1, 4, 8, 1, False, True, True), (7, 3, 5, 6, 1, True, True, True), (1, 9, 16, 16, 1, False, True, True),
                (33, 1, 8, 4, 1, True, False, False), (4, 2, 3, 5, 2, False, True, True), (6, 2, 3, 4, 2, True, True, True), (3, 70, 2, 3, 1, False, False, True)]):
            key = key_of(n, T, B, I, H)
            rng = make.rng(key)
            bias = n % 4 != 3
            net = module(I, H, L, bias, bidirectional=D).double()
            tensors = {}
            for k, v in net.named_parameters():
                tensors[k] = f32(rng, *v.shape, scale=0.6)
                v.data = t64(tensors[k])
            x = f32(rng, T, B, I)
            shape = (L * (2 if D else 1), B, H)
            states = [f32(rng, *shape, scale=0.5) for _ in range(2 if name == "lstm" else 1)]
            wide = [t64(s) for s in states]
            initial = (tuple(wide) if name == "lstm" else wide[0]) if given else None
            with torch.no_grad():
                y, last = net(t64(x), initial)
            last = list(last) if name == "lstm" else [last]
            attrs = {"inputSize": I, "hiddenSize": H, "numLayers": L, "bidirectional": D, "bias": bias, "scan": True}
            make.add(key, [x, *states] if given else [x], [y, *last] if wanted else [y], attrs, tensors, tolerance=3e-6)
    build.__name__ = name
    operator(build)


scans("rnn", torch.nn.RNN, 1)
scans("gru", torch.nn.GRU, 3)
scans("lstm", torch.nn.LSTM, 4)


# --- Files -----------------------------------------------------------------------------------------------------------

def encode(arrays, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, array in arrays.items():
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        raw = array.tobytes()
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=HERE)
    out = parser.parse_args().out
    listed = []
    for op, maker in CASES.items():
        # f64 first, so that every tensor is aligned to its element.
        arrays = dict(sorted(maker.arrays.items(), key=lambda item: -item[1].dtype.itemsize))
        data = encode(arrays, {"case": json.dumps({"op": op, "cases": maker.cases})})
        with open(os.path.join(out, f"{op}.safetensors"), "wb") as file:
            file.write(data)
        listed.append({"file": f"{op}.safetensors", "cases": len(maker.cases), "sha256": hashlib.sha256(data).hexdigest()})
    manifest = {"script": "make.py", "torch": torch.__version__, "numpy": np.__version__, "cases": listed}
    with open(os.path.join(out, "manifest.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
