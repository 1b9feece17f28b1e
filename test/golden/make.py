"""Makes the golden vectors of this folder: small networks with random weights and what PyTorch says they compute.

    python3 make.py                 writes the cases and manifest.json beside this script
    python3 make.py --out FOLDER    writes them there; the same versions of torch and numpy give the same bytes

One safetensors file per case; `__metadata__.case` is JSON that says what the case is. Two kinds:

A *cell* (cell "RNN", "GRU" or "LSTM": one module of torch.nn; input_size, hidden_size, num_layers, bidirectional, bias,
nonlinearity and proj_size as in PyTorch; cell_module true where it is a GRUCell and the like, whose keys lack `_l0`):
    weights.KEY   f32, under the module's state_dict keys
    input         f32 (T, B, I)
    h0, c0        f32 (layers · directions, B, H; h0 has P columns where proj_size is P): the initial states, some zero
    output        f64 (T, B, D · H): the truth, the module in double precision on the same f32 weights
    h_n, c_n      f64: the states after the last valid step of each sequence
    output_f32    f32: the module's own single-precision forward

A *model* (cell "Model"; field layers = the layer list as the runtime takes it, its input called "input"):
    weights.KEY   f32 (num_batches_tracked i64); KEY = layer name + "." + suffix, the bare suffix where the name is ""
    input         f32 (T, B, I), or i32 (T, B) where the first layer is an embedding
    initial.NAME  f32 (layers · directions, B, H), for every state NAME ("rnn.h", "rnn.c", bare "h", "c"). Where a case
                  has none, the states start at zero or at the tensors h0, c0 among its weights
    output        f64 (T, B, O): the output of the last layer
    final.NAME    f64: the states after the last valid step
    output_f32    f32

`lengths` (null or one per sequence): output past a sequence's length is zero; its final state is that of its last valid
step, and its initial state where the length is 0. The input past a length is noise that must not matter.

Where torch.nn has the cell, the truth is torch.nn's (`source` names it), and the loops below must agree with it to
1e-11. For what PyTorch lacks (GRU with the reset gate before the product, peepholes, coupled gates, clipping, other
functions, a lone reverse direction) the truth is the loop itself, in torch float64: `source` "torch loop".

`tolerance` is the largest absolute error that a correct f32 implementation may show against output and final states:
    cells    the largest of 1e-6, twice the f32 error of torch, and four times what rounding does
    models   the largest of 1e-6 × max(1, max |output|), four times the f32 error, and four times what rounding does
where "what rounding does" is the largest change, over 8 seeds, when the loop moves every pre-activation, every new
state and every layer's output by half an f32 ulp, up or down at random.
"""

import argparse
import hashlib
import json
import math
import os
import zlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
# Matrices are U(−s, s) with s = factor / √columns, biases U(−0.5, 0.5) + centre: another for each gate (r z n; i f g o)
# so that no two can be exchanged unseen.
FACTORS = {"rnn": [1.4], "gru": [1.8, 1.3, 1.6], "lstm": [1.6, 1.2, 1.9, 1.4]}
CENTRES = {"rnn": [0.1], "gru": [-0.3, 0.4, 0.1], "lstm": [0.2, 0.5, -0.1, -0.3]}
DTYPES = {"float32": "F32", "float64": "F64", "int32": "I32", "int64": "I64"}
TYPES = {"RNN": "rnn", "GRU": "gru", "LSTM": "lstm"}


# --- Functions and cells, straight from the equations ----------------------------------------------------------------

FUNCTIONS = {
    "identity": lambda x: x,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": lambda x: x.clamp(min=0),
    "hardSigmoid": lambda x, alpha=1 / 6, beta=0.5: (alpha * x + beta).clamp(0, 1),
    "affine": lambda x, alpha, beta: alpha * x + beta,
    "leakyRelu": lambda x, alpha=0.01: torch.where(x >= 0, x, alpha * x),
    "elu": lambda x, alpha=1.0: torch.where(x >= 0, x, alpha * torch.expm1(x)),
    "softsign": lambda x: x / (1 + x.abs()),
    "softplus": lambda x: x.clamp(min=0) + torch.log1p(torch.exp(-x.abs())),
    "scaledTanh": lambda x, alpha, beta: alpha * torch.tanh(beta * x),
    "thresholdedRelu": lambda x, alpha=1.0: torch.where(x > alpha, x, torch.zeros_like(x)),
}
DEFAULT_ACTIVATIONS = {"rnn": ["tanh"], "gru": ["sigmoid", "tanh"], "lstm": ["sigmoid", "tanh", "tanh"]}


def function_of(spec):
    """An activation, "relu" or { name, alpha?, beta? }, as a function of a tensor."""
    if isinstance(spec, str):
        return FUNCTIONS[spec]
    parameters = {key: spec[key] for key in ("alpha", "beta") if key in spec}
    return lambda x: FUNCTIONS[spec["name"]](x, **parameters)


def rnn_step(spec, w, x, h, c, functions, pre, rounded):
    (f,) = functions
    return rounded(f(pre(x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T + w["bias_hh"]))), None


def gru_step(spec, w, x, h, c, functions, pre, rounded):
    f, g = functions
    w_r, w_z, w_n = w["weight_ih"].chunk(3)
    u_r, u_z, u_n = w["weight_hh"].chunk(3)
    b_ir, b_iz, b_in = w["bias_ih"].chunk(3)
    b_hr, b_hz, b_hn = w["bias_hh"].chunk(3)
    r = f(pre(x @ w_r.T + b_ir + h @ u_r.T + b_hr))
    z = f(pre(x @ w_z.T + b_iz + h @ u_z.T + b_hz))
    if spec.get("resetAfter", True):
        n = g(pre(x @ w_n.T + b_in + r * (h @ u_n.T + b_hn)))
    else:
        n = g(pre(x @ w_n.T + b_in + (r * h) @ u_n.T + b_hn))
    return rounded(z * h + (1 - z) * n), None


def lstm_step(spec, w, x, h, c, functions, pre, rounded):
    f, g, out = functions
    a_i, a_f, a_g, a_o = (x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T + w["bias_hh"]).chunk(4, dim=-1)
    p_i, p_f, p_o = w["weight_peephole"].chunk(3) if "weight_peephole" in w else (0.0, 0.0, 0.0)
    i = f(pre(a_i + p_i * c))
    forget = 1 - i if spec.get("coupledInputForget") else f(pre(a_f + p_f * c))
    c = rounded(forget * c + i * g(pre(a_g)))
    o = f(pre(a_o + p_o * c))
    h = o * out(c)
    return rounded(h @ w["weight_hr"].T if "weight_hr" in w else h), c


STEPS = {"rnn": rnn_step, "gru": gru_step, "lstm": lstm_step}


def suffixes(spec):
    """(index of the state, layer, direction, suffix of its tensors) of every direction of every layer."""
    directions = 2 if spec.get("bidirectional") else 1
    for layer in range(spec.get("numLayers", 1)):
        for direction in range(directions):
            yield layer * directions + direction, layer, direction, f"_l{layer}" + ("_reverse" if direction else "")


def recurrent_loop(spec, tensors, x, h, c, lengths, rounded):
    """A recurrent layer: x (T, B, I), h and c (layers · directions, B, H) → outputs, final h, final c."""
    default = [spec["nonlinearity"]] if "nonlinearity" in spec else DEFAULT_ACTIVATIONS[spec["type"]]
    functions = [function_of(activation) for activation in spec.get("activations", default)]
    clip = spec.get("clip", math.inf)
    valid = torch.arange(x.shape[0])[:, None] < torch.tensor(lengths)  # (T, B)
    h_n, c_n, outputs = h.clone(), None if c is None else c.clone(), []

    def pre(value):
        return rounded(value).clamp(-clip, clip)

    for index, layer, direction, suffix in suffixes(spec):
        w = {key[: -len(suffix)]: value for key, value in tensors.items() if key.endswith(suffix)}
        for bias in ("bias_ih", "bias_hh"):
            w.setdefault(bias, x.new_zeros(w["weight_ih"].shape[0]))
        f = functions  # of both directions, or one set for each
        if len(functions) > len(default):
            f = functions[direction * len(default) :][: len(default)]
        if direction == 0:
            outputs, layer_input = [], x
        h_t, c_t = h[index], None if c is None else c[index]
        y = [None] * len(layer_input)
        backwards = direction == 1 or spec.get("reverse", False)
        for t in reversed(range(len(y))) if backwards else range(len(y)):
            new_h, new_c = STEPS[spec["type"]](spec, w, layer_input[t], h_t, c_t, f, pre, rounded)
            on = valid[t][:, None]
            y[t] = torch.where(on, new_h, torch.zeros_like(new_h))
            h_t = torch.where(on, new_h, h_t)
            c_t = None if c is None else torch.where(on, new_c, c_t)
        h_n[index] = h_t
        if c is not None:
            c_n[index] = c_t
        outputs.append(torch.stack(y))
        x = torch.cat(outputs, dim=-1)
    return x, h_n, c_n


# --- The same by torch.nn --------------------------------------------------------------------------------------------


def in_torch(spec):
    """Whether torch.nn has this recurrent layer."""
    return spec.get("resetAfter", True) and not any(
        spec.get(key) for key in ("activations", "clip", "peephole", "coupledInputForget", "reverse")
    )


def recurrent_torch(spec, tensors, x, h, c, lengths, cell_module=False):
    """The same by the module of torch.nn, in the precision of x; GRUCell and the like where cell_module is true."""
    name = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}[spec["type"]]
    options = {"bias": spec.get("bias", True), "dtype": x.dtype}
    if spec["type"] == "rnn":
        options["nonlinearity"] = spec.get("nonlinearity", "tanh")
    if cell_module:
        module = getattr(nn, name + "Cell")(spec["inputSize"], spec["hiddenSize"], **options)
        module.load_state_dict({key[: -len("_l0")]: value for key, value in tensors.items()})
        state, outputs = (h[0] if c is None else (h[0], c[0])), []
        for x_t in x:
            state = module(x_t, state)
            outputs.append(state if c is None else state[0])
        final = (state, None) if c is None else state
        return torch.stack(outputs), final[0][None], None if c is None else final[1][None]
    if spec.get("projSize"):
        options["proj_size"] = spec["projSize"]
    module = getattr(nn, name)(
        spec["inputSize"],
        spec["hiddenSize"],
        spec.get("numLayers", 1),
        bidirectional=spec.get("bidirectional", False),
        **options,
    )
    module.load_state_dict({key: value for key, value in tensors.items() if key not in ("h0", "c0")})
    packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    output, state = module(packed, h if c is None else (h, c))
    output, _ = nn.utils.rnn.pad_packed_sequence(output, total_length=len(x))
    return (output, state, None) if c is None else (output, *state)


def run_model(layers, tensors, x, initial, lengths, dtype, *, by_torch=False, cell_module=False, rounded=lambda v: v):
    """The list of layers on x → the output of the last, and the final states by name. by_torch: recurrent layers that
    torch.nn has are run by it, else by the loops, in which `rounded` is applied wherever f32 would round."""
    tensors = {key: value.to(dtype) for key, value in tensors.items()}
    x = x if x.dtype == torch.int32 else x.to(dtype)
    values, previous, final = {"input": x}, x, {}
    for spec in layers:
        name = spec.get("name", "")
        prefix = name + "." if name else ""
        own = {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
        inputs = [values[key] for key in spec["inputs"]] if "inputs" in spec else [previous]
        kind, (x, *_) = spec["type"], inputs
        if kind in GATES:
            states = {}
            for key, width in state_shapes(spec).items():
                stored = own.get(key + "0", torch.zeros(width, dtype=dtype))  # (layers · directions, H)
                states[key] = initial.get(prefix + key, stored[:, None].expand(-1, x.shape[1], -1)).to(dtype)
            arguments = (spec, own, x, states["h"], states.get("c"), lengths)
            if by_torch and in_torch(spec):
                y, h, c = recurrent_torch(*arguments, cell_module)
            else:
                y, h, c = recurrent_loop(*arguments, rounded)
            final[prefix + "h"] = h
            if c is not None:
                final[prefix + "c"] = c
        elif kind == "embedding":
            y = F.embedding(x.long(), own["weight"])
        elif kind == "linear":
            y = rounded(F.linear(x, own["weight"], own.get("bias")))
            if "activation" in spec:
                y = rounded(function_of(spec["activation"])(y))
        elif kind == "activation":
            y = rounded(function_of(spec["activation"])(x))
        elif kind == "layerNorm":
            y = rounded(F.layer_norm(x, (spec["size"],), own.get("weight"), own.get("bias"), spec.get("eps", 1e-5)))
        elif kind == "batchNorm":  # over the last axis, which F.batch_norm wants second
            statistics = (own["running_mean"], own["running_var"], own.get("weight"), own.get("bias"))
            y = F.batch_norm(x.transpose(1, 2), *statistics, training=False, eps=spec.get("eps", 1e-5))
            y = rounded(y.transpose(1, 2))
        elif kind == "softmax":
            y = rounded(F.softmax(x, dim=-1))
        elif kind == "logSoftmax":
            y = rounded(F.log_softmax(x, dim=-1))
        elif kind == "add":
            y = rounded(sum(inputs[1:], inputs[0]))
        elif kind == "concat":
            y = torch.cat(inputs, dim=-1)
        else:
            raise ValueError(kind)
        values[name], previous = y, y
    valid = torch.arange(len(previous))[:, None] < torch.tensor(lengths)
    return torch.where(valid[..., None], previous, torch.zeros_like(previous)), final


# --- Cases -----------------------------------------------------------------------------------------------------------


def state_shapes(spec):
    """(layers · directions, width) of the states h and c of a recurrent layer."""
    rows, hidden = len(list(suffixes(spec))), spec["hiddenSize"]
    shapes = {"h": (rows, spec.get("projSize") or hidden)}
    if spec["type"] == "lstm":
        shapes["c"] = (rows, hidden)
    return shapes


def random_tensors(spec, rng, scale):
    """The tensors of one layer, by suffix, as f32 arrays; the matrices of a recurrent layer are multiplied by scale."""
    kind, tensors = spec["type"], {}

    def uniform(*shape, low=-1.0, high=1.0):
        return rng.uniform(low, high, shape).astype(np.float32)

    if kind in GATES:
        hidden, width = spec["hiddenSize"], state_shapes(spec)["h"][1]
        columns = spec["inputSize"]

        def matrix(columns):
            return np.concatenate([uniform(hidden, columns) * (scale * f / math.sqrt(columns)) for f in FACTORS[kind]])

        for _, layer, direction, suffix in suffixes(spec):
            if layer > 0:
                columns = width * (2 if spec.get("bidirectional") else 1)
            tensors["weight_ih" + suffix] = matrix(columns)
            tensors["weight_hh" + suffix] = matrix(width)
            if spec.get("bias", True):
                for bias in ("bias_ih", "bias_hh"):
                    parts = [uniform(hidden, low=c - 0.5, high=c + 0.5) for c in CENTRES[kind]]
                    tensors[bias + suffix] = np.concatenate(parts)
            if spec.get("projSize"):
                tensors["weight_hr" + suffix] = uniform(width, hidden) * (2 / math.sqrt(hidden))
            if spec.get("peephole"):
                tensors["weight_peephole" + suffix] = uniform(3 * hidden)
    elif kind == "linear":
        tensors["weight"] = uniform(spec["outFeatures"], spec["inFeatures"]) * (2 / math.sqrt(spec["inFeatures"]))
        if spec.get("bias", True):
            tensors["bias"] = uniform(spec["outFeatures"])
    elif kind == "embedding":
        tensors["weight"] = uniform(spec["numEmbeddings"], spec["embeddingDim"], low=-1.5, high=1.5)
    elif kind in ("layerNorm", "batchNorm"):
        if spec.get("affine", True):
            tensors["weight"] = uniform(spec["size"], low=0.5, high=1.5)
            if spec.get("bias", True):
                tensors["bias"] = uniform(spec["size"])
        if kind == "batchNorm":
            tensors["running_mean"] = uniform(spec["size"])
            tensors["running_var"] = uniform(spec["size"], low=0.2, high=2.5)
            tensors["num_batches_tracked"] = np.array(1000, dtype=np.int64)
    return {key: value if value.dtype == np.int64 else value.astype(np.float32) for key, value in tensors.items()}


def half_ulps(seed):
    """A function that moves every element by half an f32 ulp, up or down at random."""
    generator = torch.Generator().manual_seed(seed)

    def rounded(value):
        _, exponent = torch.frexp(value)  # |value| in [2^(e−1), 2^e): an f32 ulp there is 2^(e−24)
        sign = 2 * torch.randint(2, value.shape, generator=generator) - 1
        return torch.where(value == 0, value, value + sign * torch.pow(2.0, exponent.double() - 25))

    return rounded


def distance(result, truth):
    """The largest absolute difference of outputs and final states."""
    pairs = [(result[0], truth[0])] + [(result[1][key], truth[1][key]) for key in truth[1]]
    return max((a.double() - b.double()).abs().max().item() for a, b in pairs)


def compute(name, layers, *, T, B, lengths, states, scale, cell_module=False):
    """Draws a case's numbers and computes its truth. states: "random", "zero", or "stored" (h0, c0 of the model)."""
    seed = zlib.crc32(name.encode())
    rng = np.random.default_rng(seed)
    tensors, initial = {}, {}
    for spec in layers:
        prefix = spec["name"] + "." if spec.get("name") else ""
        tensors.update({prefix + key: value for key, value in random_tensors(spec, rng, scale).items()})
        for key, (rows, width) in state_shapes(spec).items() if spec["type"] in GATES else ():
            if states == "stored":
                tensors[f"{prefix}{key}0"] = rng.uniform(-0.9, 0.9, (rows, width)).astype(np.float32)
            else:
                value = rng.uniform(-0.9, 0.9, (rows, B, width)).astype(np.float32)
                initial[prefix + key] = value * np.float32(states == "random")
    if layers[0]["type"] == "embedding":
        x = rng.integers(0, layers[0]["numEmbeddings"], (T, B)).astype(np.int32)
        x[0, 0], x[0, -1] = 0, layers[0]["numEmbeddings"] - 1
    else:
        x = rng.normal(0, 1, (T, B, layers[0].get("inputSize") or layers[0]["inFeatures"])).astype(np.float32)

    def run(dtype, **options):
        torch_tensors = {key: torch.from_numpy(value) for key, value in tensors.items()}
        torch_initial = {key: torch.from_numpy(value) for key, value in initial.items()}
        valid = lengths or [T] * B
        with torch.no_grad():
            return run_model(layers, torch_tensors, torch.from_numpy(x), torch_initial, valid, dtype, **options)

    by_torch = all(in_torch(spec) for spec in layers)
    truth = run(torch.float64, by_torch=by_torch, cell_module=cell_module)
    single = run(torch.float32, by_torch=by_torch, cell_module=cell_module)
    loop = run(torch.float64)
    if distance(loop, truth) > 1e-11:
        raise AssertionError(f"{name}: the loop is {distance(loop, truth)} from torch.nn")
    rounding = max(distance(run(torch.float64, rounded=half_ulps(seed)), loop) for seed in range(8))
    return seed, tensors, initial, x, truth, single, rounding, by_torch


def tolerance_of(least, factor, f32_error, rounding):
    return float(f"{max(least, factor * f32_error, 4 * rounding):.3g}")


def cell_case(name, description, cell, input_size, hidden_size, **options):
    """A case of one torch.nn module → (file name, description, case, tensors)."""
    get = options.pop
    T, B, lengths = get("T", 8), get("B", 1), get("lengths", None)
    states, scale, cell_module = get("states", "random"), get("scale", 1), get("cell_module", False)
    spec = {"type": TYPES[cell], "inputSize": input_size, "hiddenSize": hidden_size, **options}
    seed, weights, initial, x, truth, single, rounding, _ = compute(
        name, [spec], T=T, B=B, lengths=lengths, states=states, scale=scale, cell_module=cell_module
    )
    tensors = {f"weights.{key[: -len('_l0')] if cell_module else key}": value for key, value in weights.items()}
    tensors.update({"input": x, "h0": initial["h"], "output": truth[0], "output_f32": single[0]})
    if "c" in initial:
        tensors["c0"] = initial["c"]
    tensors.update({f"{key}_n": value for key, value in truth[1].items()})
    case = {
        "cell": cell,
        "input_size": input_size,
        "hidden_size": hidden_size,
        "num_layers": spec.get("numLayers", 1),
        "bidirectional": spec.get("bidirectional", False),
        "bias": spec.get("bias", True),
        "nonlinearity": spec.get("nonlinearity", "tanh") if cell == "RNN" else None,
        "proj_size": spec.get("projSize", 0),
        "cell_module": cell_module,
        "seq_len": T,
        "batch": B,
        "lengths": lengths,
        "time_major": True,
        "source": f"torch.nn.{cell}{'Cell' if cell_module else ''} {torch.__version__}",
        "seed": seed,
        "tolerance": tolerance_of(1e-6, 2, distance(single, truth), rounding),
    }
    return name, description, case, tensors


def model_case(name, description, layers, *, T=7, B=2, lengths=None, states="random", scale=1):
    """A case of a list of layers → (file name, description, case, tensors)."""
    seed, weights, initial, x, truth, single, rounding, by_torch = compute(
        name, layers, T=T, B=B, lengths=lengths, states=states, scale=scale
    )
    tensors = {f"weights.{key}": value for key, value in weights.items()}
    tensors["input"] = x
    if states == "random":
        tensors.update({f"initial.{key}": value for key, value in initial.items()})
    tensors.update({"output": truth[0], "output_f32": single[0]})
    tensors.update({f"final.{key}": value for key, value in truth[1].items()})
    least = 1e-6 * max(1.0, truth[0].abs().max().item())
    case = {
        "cell": "Model",
        "layers": layers,
        "seq_len": T,
        "batch": B,
        "lengths": lengths,
        "time_major": True,
        "source": f"torch.nn {torch.__version__}" if by_torch else "torch loop",
        "seed": seed,
        "tolerance": tolerance_of(least, 4, distance(single, truth), rounding),
    }
    return name, description, case, tensors


def rnn(name, inputs, hidden, **more):
    return {"type": "rnn", "name": name, "inputSize": inputs, "hiddenSize": hidden, **more}


def gru(name, inputs, hidden, **more):
    return {"type": "gru", "name": name, "inputSize": inputs, "hiddenSize": hidden, **more}


def lstm(name, inputs, hidden, **more):
    return {"type": "lstm", "name": name, "inputSize": inputs, "hiddenSize": hidden, **more}


def linear(name, inputs, outputs, **more):
    return {"type": "linear", "name": name, "inFeatures": inputs, "outFeatures": outputs, **more}


def act(name, *parameters):
    return {"name": name, **dict(zip(("alpha", "beta"), parameters))}


def cases():
    """Every case, as (file name, description, case, tensors)."""
    yield from size_cases()
    yield from variant_cases()
    yield from torch_models()
    yield from loop_models()


def size_cases():
    """Sizes on and beside the edges of tiles of 4, 8, 16, 32 and 64, with batches of 1 to 5."""
    sizes = {
        "RNN": [(63, 65), (7, 4), (16, 17), (1, 3), (9, 31)],
        "GRU": [(40, 33), (1, 5), (4, 7), (9, 8), (17, 16), (3, 63), (15, 32), (7, 15), (65, 9), (2, 1)],
        "LSTM": [(5, 31), (1, 4), (5, 8), (8, 15), (24, 9), (4, 33), (33, 16), (3, 1), (63, 7), (40, 3), (2, 17)],
    }
    for cell, pairs in sizes.items():
        for k, (i, h) in enumerate(pairs):
            batch = 1 + k % 5
            yield cell_case(f"{cell.lower()}_{i}x{h}", f"{cell}, {i} → {h}, batch {batch}", cell, i, h, B=batch, T=4)


def variant_cases():
    """What the modules of torch.nn can be asked for."""
    two = {"numLayers": 2}
    both = {"bidirectional": True}
    for cell, i, h in (("RNN", 6, 9), ("GRU", 5, 8), ("LSTM", 7, 5)):
        low = cell.lower()
        yield cell_case(f"{low}_zero_state", f"{cell} from a zero state", cell, i, h, states="zero")
        yield cell_case(f"{low}_nobias", f"{cell} without biases", cell, h, i, bias=False, B=2)
        yield cell_case(f"{low}_saturated", f"{cell}, weights × 12, 30 steps", cell, i, 9, scale=12, T=30)
        yield cell_case(f"{low}_long", f"{cell}, 300 steps", cell, 3, 2, T=300)
        yield cell_case(f"{low}_cell", f"{cell}Cell: keys without _l0", cell, h, i, cell_module=True, B=3)
        yield cell_case(f"{low}_2layer", f"{cell}, 2 layers", cell, i, h, **two)
        yield cell_case(f"{low}_bidir", f"{cell}, bidirectional", cell, i, h, **both)
        ragged = {"T": 9, "B": 4, "lengths": [4, 9, 1, 6]}
        yield cell_case(f"{low}_ragged", f"{cell}, sequences of 4, 9, 1 and 6 steps", cell, i, h, **ragged)
        ragged = {"T": 5, "B": 4, "lengths": [3, 5, 1, 4]}
        more = {**ragged, **two, **both}
        yield cell_case(f"{low}_ragged_2layer_bidir", f"{cell}, ragged, 2 layers, bidirectional", cell, h, i, **more)
        three = {"numLayers": 3, "T": 4, "B": 3}
        yield cell_case(f"{low}_3layer_bidir", f"{cell}, 3 layers, bidirectional, batch 3", cell, 4, i, **three, **both)

    relu = {"nonlinearity": "relu"}
    yield cell_case("rnn_relu_9x8", "RNN with relu", "RNN", 9, 8, **relu)
    yield cell_case("rnn_relu_17x33", "RNN with relu, 17 → 33, batch 3", "RNN", 17, 33, B=3, T=4, **relu)
    more = {**relu, **two, **both}
    yield cell_case("rnn_relu_2layer_bidir", "RNN with relu, 2 layers, bidirectional", "RNN", 5, 7, **more)
    yield cell_case("rnn_relu_cell", "RNNCell with relu, no biases", "RNN", 3, 5, cell_module=True, bias=False, **relu)
    yield cell_case("gru_3layer", "GRU, 3 layers, zero state", "GRU", 2, 9, numLayers=3, states="zero")
    more = {"scale": 12, **two, **both}
    yield cell_case("gru_2layer_bidir_saturated", "GRU, 2 layers, bidirectional, weights × 12", "GRU", 4, 6, **more)
    yield cell_case("lstm_proj", "LSTM, projection 16 → 5", "LSTM", 9, 16, projSize=5, B=2)
    yield cell_case("lstm_proj_to_1", "LSTM, projection 7 → 1, no biases", "LSTM", 2, 7, projSize=1, bias=False)
    yield cell_case("lstm_proj_2layer", "LSTM, projection 15 → 9, 2 layers", "LSTM", 3, 15, projSize=9, **two)
    more = {"projSize": 4, "T": 8, "B": 3, "lengths": [3, 8, 5], **two, **both}
    description = "LSTM, projection 9 → 4, 2 layers, bidirectional, ragged"
    yield cell_case("lstm_proj_2layer_bidir_ragged", description, "LSTM", 5, 9, **more)


def torch_models():
    """Whole models of what torch.nn has."""
    embedding = {"type": "embedding", "name": "embedding", "numEmbeddings": 11, "embeddingDim": 6}
    yield model_case(
        "model_embedding_gru_linear",
        "ids: embedding → gru → linear",
        [embedding, gru("rnn", 6, 9), linear("head", 9, 11)],
        T=12,
    )
    yield model_case(
        "model_embedding_gru_linear_ragged",
        "ids: embedding → gru → linear, ragged",
        [embedding, gru("rnn", 6, 5), linear("head", 5, 3)],
        B=3,
        lengths=[2, 7, 4],
    )
    yield model_case(
        "model_linear_relu_lstm_linear",
        "linear with relu → lstm → linear",
        [linear("input_layer", 5, 12, activation="relu"), lstm("lstm", 12, 10), linear("output_layer", 10, 1)],
    )
    yield model_case(
        "model_gru_layernorm_softmax",
        "gru → layerNorm → linear → softmax",
        [
            gru("gru", 4, 17),
            {"type": "layerNorm", "name": "norm", "size": 17},
            linear("head", 17, 10),
            {"type": "softmax"},
        ],
    )
    yield model_case(
        "model_linear_batchnorm_gru",
        "linear → batchNorm (running statistics) → relu → gru",
        [
            linear("dense", 7, 9),
            {"type": "batchNorm", "name": "norm", "size": 9, "eps": 1e-3},
            {"type": "activation", "activation": "relu"},
            gru("gru", 9, 8),
        ],
        B=3,
    )
    yield model_case(
        "model_residual",
        "gru(x) + x",
        [gru("gru", 9, 9), {"type": "add", "name": "sum", "inputs": ["gru", "input"]}],
    )
    yield model_case(
        "model_concat_logsoftmax",
        "concat of gru(x) and x → linear → logSoftmax",
        [
            gru("gru", 5, 7),
            {"type": "concat", "name": "both", "inputs": ["gru", "input"]},
            linear("head", 12, 9),
            {"type": "logSoftmax", "name": "scores"},
        ],
    )
    yield model_case(
        "model_bilstm_linear",
        "lstm bidirectional → linear, ragged",
        [lstm("lstm", 6, 7, bidirectional=True), linear("fc", 14, 3)],
        B=3,
        lengths=[7, 3, 5],
    )
    yield model_case(
        "model_stored_state",
        "gru → lstm whose initial states are tensors h0, c0 of the model",
        [gru("gru", 3, 5, numLayers=2), lstm("lstm", 5, 6, projSize=4)],
        states="stored",
    )
    yield model_case(
        "model_norms_plain",
        "linear without bias → layerNorm → rnn → batchNorm → linear with sigmoid; the norms without affine",
        [
            linear("a", 4, 6, bias=False),
            {"type": "layerNorm", "name": "b", "size": 6, "affine": False},
            rnn("c", 6, 5, nonlinearity="relu"),
            {"type": "batchNorm", "name": "d", "size": 5, "affine": False},
            linear("e", 5, 4, activation=act("sigmoid")),
        ],
        states="zero",
    )
    yield model_case(
        "model_three_gru_skips",
        "three grus, each over a concat of what was before, as in a noise suppressor",
        [
            linear("dense", 10, 8, activation="tanh"),
            gru("vad", 8, 4),
            {"type": "concat", "name": "noise_input", "inputs": ["dense", "vad", "input"]},
            gru("noise", 22, 9),
            {"type": "concat", "name": "denoise_input", "inputs": ["vad", "noise", "input"]},
            gru("denoise", 23, 12),
            linear("gains", 12, 6, activation="sigmoid"),
        ],
    )
    functions = [
        *(act(name) for name in FUNCTIONS if name not in ("affine", "scaledTanh")),
        act("hardSigmoid", 0.2, 0.5),
        act("affine", -1.5, 0.25),
        act("leakyRelu", 0.2),
        act("elu", 0.7),
        act("scaledTanh", 1.7159, 0.6667),
        act("thresholdedRelu", 0.3),
    ]
    names = [f"f{k}" for k in range(len(functions))]
    yield model_case(
        "model_activations",
        "every function as a layer, side by side after a linear",
        [
            linear("dense", 3, 5),
            *(
                {"type": "activation", "name": name, "inputs": ["dense"], "activation": function}
                for name, function in zip(names, functions)
            ),
            {"type": "concat", "name": "all", "inputs": names},
        ],
        T=4,
    )


def loop_models():
    """What torch.nn lacks: here the loop is the truth."""
    before = {"resetAfter": False}
    peephole = {"peephole": True}
    both = {"bidirectional": True}
    saturated = {"scale": 12, "T": 12}
    one = {"B": 1, "T": 12}

    yield model_case("gru_reset_before_5x7", "gru, reset before", [gru("", 5, 7, **before)], **one)
    yield model_case("gru_reset_before_4x17", "gru, reset before, batch 3", [gru("", 4, 17, **before)], B=3, T=5)
    layers = [gru("rnn", 9, 8, bias=False, **before)]
    yield model_case("gru_reset_before_nobias", "gru, reset before, no biases, zero state", layers, states="zero")
    layers = [gru("rnn", 5, 9, **before)]
    yield model_case("gru_reset_before_saturated", "gru, reset before, weights × 12", layers, **saturated)
    yield model_case(
        "gru_reset_before_2layer_bidir_ragged",
        "gru, reset before, 2 layers, bidirectional, ragged, one sequence empty",
        [gru("rnn", 4, 5, numLayers=2, **both, **before)],
        B=4,
        lengths=[7, 0, 3, 5],
    )
    layers = [gru("rnn", 3, 6, reverse=True)]
    yield model_case("gru_reverse_ragged", "gru from the last step to the first", layers, B=3, lengths=[7, 2, 4])
    yield model_case("gru_clip", "gru, pre-activations limited to ±0.6", [gru("rnn", 6, 7, clip=0.6)])
    yield model_case(
        "gru_hardsigmoid_reset_before",
        "gru, gates hardSigmoid (0.2), reset before",
        [gru("rnn", 4, 9, activations=[act("hardSigmoid", 0.2, 0.5), act("tanh")], **before)],
    )
    functions = [act("hardSigmoid"), act("softsign"), act("sigmoid"), act("elu", 0.5)]
    layers = [gru("rnn", 5, 4, activations=functions, **both)]
    yield model_case("gru_bidir_activations", "gru, bidirectional, other functions in each direction", layers)

    yield model_case("rnn_clip", "rnn, pre-activations limited to ±0.8", [rnn("rnn", 8, 5, clip=0.8)])
    functions = [act("leakyRelu", 0.1), act("scaledTanh", 0.8, 1.25)]
    layers = [rnn("rnn", 4, 7, activations=functions, **both)]
    yield model_case("rnn_bidir_activations", "rnn, leakyRelu (0.1) forward, scaledTanh backward", layers)
    for function in (
        act("affine", 0.5, 0.1),
        act("elu"),
        act("hardSigmoid"),
        act("softplus"),
        act("softsign"),
        act("thresholdedRelu", 0.2),
    ):
        name = function["name"]
        yield model_case(f"rnn_{name.lower()}", f"rnn with {name}", [rnn("", 5, 6, activations=[function])], **one)

    yield model_case("lstm_peephole", "lstm with peepholes", [lstm("", 6, 9, **peephole)])
    yield model_case(
        "lstm_peephole_2layer_bidir_ragged",
        "lstm with peepholes, 2 layers, bidirectional, ragged",
        [lstm("rnn", 5, 4, numLayers=2, **both, **peephole)],
        B=3,
        lengths=[4, 7, 2],
    )
    layers = [lstm("rnn", 4, 8, projSize=3, **peephole)]
    yield model_case("lstm_peephole_proj", "lstm with peepholes, projection 8 → 3", layers)
    yield model_case("lstm_coupled", "lstm, f = 1 − i", [lstm("rnn", 7, 8, coupledInputForget=True)])
    yield model_case("lstm_clip", "lstm, pre-activations limited to ±0.5", [lstm("rnn", 5, 8, clip=0.5)])
    layers = [lstm("rnn", 3, 5, coupledInputForget=True, clip=0.7, **peephole)]
    description = "lstm with peepholes, f = 1 − i, pre-activations limited to ±0.7, zero state"
    yield model_case("lstm_peephole_coupled_clip", description, layers, states="zero", T=12)
    layers = [lstm("rnn", 4, 7, **peephole)]
    yield model_case("lstm_peephole_saturated", "lstm with peepholes, weights × 12", layers, **saturated)
    functions = [act("hardSigmoid", 0.2, 0.5), act("softsign"), act("scaledTanh", 1.2, 0.8)]
    layers = [lstm("rnn", 6, 5, activations=functions), linear("head", 5, 2)]
    description = "lstm, gates hardSigmoid (0.2), candidate softsign, output scaledTanh → linear"
    yield model_case("lstm_activations", description, layers)
    functions = [act("sigmoid"), act("tanh"), act("identity")]
    functions += [act("hardSigmoid"), act("affine", 0.7, -0.1), act("softsign")]
    layers = [lstm("rnn", 4, 6, activations=functions, **both)]
    yield model_case("lstm_bidir_activations", "lstm, bidirectional, other functions in each direction", layers)


# --- Files -----------------------------------------------------------------------------------------------------------


def safetensors(tensors, metadata):
    """The bytes of a safetensors file: u64 header length, JSON header padded to a multiple of 8, little-endian data."""
    header, offset, data = {"__metadata__": metadata}, 0, []
    arrays = {name: np.asarray(value) for name, value in tensors.items()}
    for name, array in sorted(arrays.items(), key=lambda item: -item[1].itemsize):  # widest first: all stay aligned
        span = [offset, offset + array.nbytes]
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape), "data_offsets": span}
        offset += array.nbytes
        data.append(array.astype(array.dtype.newbyteorder("<")).tobytes())
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(data)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Makes the golden vectors: one safetensors file per case.")
    parser.add_argument("--out", default=here, help="output folder (default: the script's)")
    out = parser.parse_args().out
    torch.set_num_threads(1)

    listed = []
    for name, description, case, tensors in cases():
        data = safetensors(tensors, {"case": json.dumps(case)})
        with open(os.path.join(out, f"{name}.safetensors"), "wb") as file:
            file.write(data)
        listed.append({
            "file": f"{name}.safetensors",
            "description": description,
            "seed": case["seed"],
            "sha256": hashlib.sha256(data).hexdigest(),
        })
        print(f"{len(data):7d}  {case['tolerance']:.2e}  {name}: {description}")
    manifest = {"script": "make.py", "torch": torch.__version__, "numpy": np.__version__, "cases": listed}
    with open(os.path.join(out, "manifest.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
