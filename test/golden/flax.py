"""Makes test/golden/flax: parameter trees as Flax saves them, and what its equations say they compute.

    /usr/bin/python3 flax.py                 writes the files and manifest.json into flax/ beside this script
    /usr/bin/python3 flax.py --out FOLDER    writes them there; the same versions give the same bytes

Flax itself is not needed: cells are the equations of flax/linen/recurrent.py and flax/nnx/nn/recurrent.py in float64, on
the trees that these modules make (`ir/kernel` of shape (in, H), …); the bytes are those of flax.serialization.to_bytes
(msgpack, arrays as ext 1 of [shape, dtype, bytes]). manifest.json: per file its layers, its input (T, I) and the output
(T, O) as flat lists.
"""

import argparse
import json
import os

import msgpack
import numpy as np

SEED = 47
T, I, H, O = 6, 3, 4, 2


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(p, x, h):
    """linen.GRUCell"""
    dense = lambda name, v: v @ p[name]["kernel"] + p[name].get("bias", 0)
    r = sigmoid(dense("ir", x) + dense("hr", h))
    z = sigmoid(dense("iz", x) + dense("hz", h))
    n = np.tanh(dense("in", x) + r * dense("hn", h))
    return ((1 - z) * n + z * h,)


def lstm(p, x, h, c, forget="if"):
    """linen.LSTMCell and OptimizedLSTMCell, nnx.LSTMCell"""
    dense = lambda name, v: v @ p[name]["kernel"] + p[name].get("bias", 0)
    i, f, o = [sigmoid(dense(a, x) + dense(b, h)) for a, b in (("ii", "hi"), (forget, "hf"), ("io", "ho"))]
    g = np.tanh(dense("ig", x) + dense("hg", h))
    c = f * c + i * g
    return o * np.tanh(c), c


def simple(p, x, h):
    """linen.SimpleCell"""
    return (np.tanh(x @ p["i"]["kernel"] + p["i"]["bias"] + h @ p["h"]["kernel"]),)


def nnx_gru(p, x, h):
    """nnx.GRUCell: one matrix for each side"""
    xr, xz, xn = np.split(x @ p["dense_i"]["kernel"] + p["dense_i"]["bias"], 3)
    hr, hz, hn = np.split(h @ p["dense_h"]["kernel"], 3)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    n = np.tanh(xn + r * hn)
    return ((1 - z) * n + z * h,)


def nnx_lstm(p, x, h, c):
    """nnx.OptimizedLSTMCell"""
    i, f, g, o = np.split(x @ p["dense_i"]["kernel"] + h @ p["dense_h"]["kernel"] + p["dense_h"]["bias"], 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def run(cell, p, xs, states):
    carry, out = [np.zeros(H)] * states, []
    for x in xs:
        carry = cell(p, x, *carry)
        out.append(carry[0])
    return np.array(out)


def default(value):
    data = (value.shape, value.dtype.name, value.tobytes("C"))
    return msgpack.ExtType(1 if value.shape else 3, msgpack.packb(data, use_bin_type=True))


def widen(tree):
    return {k: widen(v) if isinstance(v, dict) else v.astype("f8") for k, v in tree.items()}


def flatten(tree, prefix=()):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flatten(value, (*prefix, key))
        else:
            yield (*prefix, key), value


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "flax"))
    out = parser.parse_args().out
    os.makedirs(out, exist_ok=True)
    random = np.random.default_rng(SEED)
    normal = lambda *shape: random.standard_normal(shape).astype("f4")
    kernel = lambda rows, columns: {"kernel": normal(rows, columns)}
    dense = lambda rows, columns: {**kernel(rows, columns), "bias": normal(columns)}
    manifest = {"numpy": np.__version__, "msgpack": list(msgpack.version), "seed": SEED, "files": {}}

    def write(name, layers, tree, xs, output):
        path = os.path.join(out, name)
        flat = {"/".join(k): v for k, v in flatten(tree)}
        if name.endswith(".npz"):
            np.savez(path, **flat)
        elif name.endswith(".safetensors"):
            header, data = {}, b""
            for key, value in flat.items():
                header[key.replace("/", ".")] = {"dtype": "F32", "shape": list(value.shape),
                                                 "data_offsets": [len(data), len(data) + value.nbytes]}
                data += value.tobytes()
            text = json.dumps(header).encode()
            with open(path, "wb") as file:
                file.write(len(text).to_bytes(8, "little") + text + data)
        else:
            with open(path, "wb") as file:
                file.write(msgpack.packb(tree, default=default, strict_types=True))
        manifest["files"][name] = {"layers": layers, "input": np.asarray(xs).reshape(-1).tolist(),
                                   "output": np.asarray(output).reshape(-1).tolist()}

    xs = normal(T, I).astype("f8")
    cell = {"ir": dense(I, H), "iz": dense(I, H), "in": dense(I, H), "hr": kernel(H, H), "hz": kernel(H, H),
            "hn": dense(H, H)}
    head = dense(H, O)
    layers = [{"type": "gru", "name": "RNN_0"}, {"type": "linear", "name": "Dense_0"}]
    tree = {"params": {"RNN_0": {"cell": cell}, "Dense_0": head}}
    ys = run(gru, widen(cell), xs, 1) @ head["kernel"].astype("f8") + head["bias"]
    for name in ("gru.msgpack", "gru.npz", "gru.safetensors"):
        write(name, layers, tree, xs, ys)
    state = {"step": 7, "params": tree["params"], "opt_state": {"0": {"count": np.asarray(7, "i4"), "mu": tree["params"]}, "1": {}}}
    write("train-state.msgpack", layers, state, xs, ys)

    cell = {f"i{g}": kernel(I, H) for g in "ifgo"} | {f"h{g}": dense(H, H) for g in "ifgo"}
    write("lstm.msgpack", [{"type": "lstm", "name": "OptimizedLSTMCell_0"}],
          {"params": {"OptimizedLSTMCell_0": cell}}, xs, run(lstm, widen(cell), xs, 2))
    renamed = {("if_" if k == "if" else k): v for k, v in cell.items()}
    write("nnx-lstm-split.npz", [{"type": "lstm", "name": "lstm"}], {"lstm": renamed}, xs, run(lstm, widen(cell), xs, 2))

    cell = {"i": dense(I, H), "h": kernel(H, H)}
    write("simple.msgpack", [{"type": "rnn", "name": ""}], {"params": {"cell": cell}}, xs, run(simple, widen(cell), xs, 1))

    cell = {"dense_i": dense(I, 3 * H), "dense_h": kernel(H, 3 * H)}
    write("nnx-gru.npz", [{"type": "gru", "name": "rnn"}], {"rnn": {"cell": cell}}, xs, run(nnx_gru, widen(cell), xs, 1))
    cell = {"dense_i": kernel(I, 4 * H), "dense_h": dense(H, 4 * H)}
    write("nnx-lstm.safetensors", [{"type": "lstm", "name": "rnn"}], {"rnn": {"cell": cell}}, xs,
          run(nnx_lstm, widen(cell), xs, 2))

    cells = [{"ir": dense(I, H), "iz": dense(I, H), "in": dense(I, H), "hr": kernel(H, H), "hz": kernel(H, H),
              "hn": dense(H, H)} for _ in range(2)]
    both = np.concatenate([run(gru, widen(cells[0]), xs, 1), run(gru, widen(cells[1]), xs[::-1], 1)[::-1]], axis=1)
    write("bidirectional.msgpack", [{"type": "gru", "name": "Bidirectional_0", "bidirectional": True}],
          {"params": {"Bidirectional_0": {"forward_rnn": {"cell": cells[0]}, "backward_rnn": {"cell": cells[1]}}}}, xs, both)

    table, norm = normal(5, H), {"scale": normal(H), "bias": normal(H)}
    batch = {"scale": normal(H), "bias": normal(H)}
    stats = {"mean": normal(H), "var": np.abs(normal(H)) + np.float32(0.5)}
    ids = random.integers(0, 5, T)
    x = table.astype("f8")[ids]
    x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-6) * norm["scale"] + norm["bias"]
    x = (x - stats["mean"]) / np.sqrt(stats["var"].astype("f8") + 1e-5) * batch["scale"] + batch["bias"]
    write("norms.msgpack", [{"type": "embedding", "name": "Embed_0"}, {"type": "layerNorm", "name": "LayerNorm_0", "eps": 1e-6},
                            {"type": "batchNorm", "name": "BatchNorm_0"}],
          {"params": {"Embed_0": {"embedding": table}, "LayerNorm_0": norm, "BatchNorm_0": batch},
           "batch_stats": {"BatchNorm_0": stats}}, ids, x)

    with open(os.path.join(out, "manifest.json"), "w") as file:
        json.dump(manifest, file, indent=1, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
