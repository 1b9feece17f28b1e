"""
Small Keras files with the outputs that they must give. Keras itself is not needed: the files are written with h5py in the
layout of keras/src/legacy/saving/legacy_h5_format.py and keras/src/saving/saving_lib.py, and the outputs are the equations of
keras/src/layers/rnn in NumPy, f64. Every file has weights of its own seed, different in every gate.

    python3 test/golden/keras.py        h5py 3.7.0 (HDF5 1.10.8), numpy 1.24.2
"""

import io
import json
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np

OUT = Path(__file__).parent / "keras"
T = 6

sigmoid = lambda x: 1 / (1 + np.exp(-x))
FUNCTIONS = {
    "linear": lambda x: x,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x >= 0, x, 0.2 * x),
    "elu": lambda x: np.where(x >= 0, x, np.expm1(x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "log_softmax": lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
    "hard_sigmoid2": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "hard_sigmoid3": lambda x: np.clip(x + 3, 0, 6) / 6,
}


class Rng:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def __call__(self, *shape, scale=0.8):
        return (self.rng.uniform(-1, 1, shape) * scale).astype(np.float32)


# Cells: x (T, I) and weights as Keras has them → (T, H)
def lstm(x, weights, act="tanh", rec="sigmoid", backwards=False):
    w, u, *b = [a.astype(np.float64) for a in weights]
    f, s = FUNCTIONS[act], FUNCTIONS[rec]
    h = c = np.zeros(u.shape[0])
    out = []
    for row in x[::-1] if backwards else x:
        i, fg, g, o = np.split(row @ w + h @ u + (b[0] if b else 0), 4)
        c = s(fg) * c + s(i) * f(g)
        h = s(o) * f(c)
        out.append(h)
    return np.array(out)


def gru(x, weights, act="tanh", rec="sigmoid", reset_after=True, backwards=False):
    w, u, *b = [a.astype(np.float64) for a in weights]
    f, s = FUNCTIONS[act], FUNCTIONS[rec]
    n = u.shape[0]
    bi, br = (b[0] if reset_after else (b[0], np.zeros(3 * n))) if b else (np.zeros(3 * n), np.zeros(3 * n))
    h = np.zeros(n)
    out = []
    for row in x[::-1] if backwards else x:
        xz, xr, xh = np.split(row @ w + bi, 3)
        z = s(xz + h @ u[:, :n] + br[:n])
        r = s(xr + h @ u[:, n : 2 * n] + br[n : 2 * n])
        hh = f(xh + (r * (h @ u[:, 2 * n :] + br[2 * n :]) if reset_after else (r * h) @ u[:, 2 * n :]))
        h = z * h + (1 - z) * hh
        out.append(h)
    return np.array(out)


def simple(x, weights, act="tanh", backwards=False):
    w, u, *b = [a.astype(np.float64) for a in weights]
    h = np.zeros(u.shape[0])
    out = []
    for row in x[::-1] if backwards else x:
        h = FUNCTIONS[act](row @ w + (b[0] if b else 0) + h @ u)
        out.append(h)
    return np.array(out)


def dense(x, weights, act="linear"):
    w, *b = [a.astype(np.float64) for a in weights]
    return FUNCTIONS[act](x @ w + (b[0] if b else 0))


def batch_norm(x, weights, eps):
    gamma, beta, mean, var = [a.astype(np.float64) for a in weights]
    return (x - mean) / np.sqrt(var + eps) * gamma + beta


def layer_norm(x, weights, eps):
    gamma, beta = [a.astype(np.float64) for a in weights]
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(var + eps) * gamma + beta


# Configs
def cell_config(name, units, keras=3, **more):
    config = {
        "name": name,
        "trainable": True,
        "dtype": {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}
        if keras == 3
        else "float32",
        "return_sequences": False,
        "return_state": False,
        "go_backwards": False,
        "stateful": False,
        "unroll": False,
        "units": units,
        "activation": "tanh",
        "recurrent_activation": "sigmoid",
        "use_bias": True,
        "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
        "kernel_regularizer": None,
        "kernel_constraint": None,
        "dropout": 0.1,
        "recurrent_dropout": 0.0,
        "seed": None,
        "implementation": 2,
    }
    return {**config, **more}


def dense_config(name, units, activation="linear", **more):
    return {"name": name, "trainable": True, "units": units, "activation": activation, "use_bias": True, "bias_initializer": {}, **more}


def layer(class_name, config, inbound=None, module=None):
    spec = {"class_name": class_name, "config": config}
    if module:
        spec = {"module": module, **spec, "registered_name": None, "build_config": {"input_shape": [None, None, 3]}}
    if inbound is not None:
        spec["name"] = config["name"]
        spec["inbound_nodes"] = inbound
    return spec


def tensor(name):
    history = {"shape": [None, None, 4], "dtype": "float32", "keras_history": [name, 0, 0]}
    return {"class_name": "__keras_tensor__", "config": history}


def inbound3(*names, many=False):
    args = [[tensor(n) for n in names]] if many else [tensor(names[0])]
    return [{"args": args, "kwargs": {"training": False, "mask": None}}]


def inbound2(*names):
    return [[[n, 0, 0, {}] for n in names]]


# Files
def legacy(path, config, version, layers, driver=None, text=np.bytes_, split=False, **options):
    """layers: [(name, [(relative path, array)])]; a model without config is weights alone."""
    with h5py.File(path, "w", **options) as f:
        group = f
        if config is not None:
            f.attrs["model_config"] = json.dumps(config).encode()
            f.attrs["training_config"] = json.dumps({"loss": "mse"}).encode()
            f.attrs["keras_version"] = version.encode()
            f.attrs["backend"] = b"tensorflow"
            group = f.create_group("model_weights")
            opt = f.create_group("optimizer_weights")
            opt.create_dataset("iterations:0", data=np.int64(7))
        names = [name.encode() for name, _ in layers]
        if split:
            for i, part in enumerate(np.array_split(np.array(names), 3)):
                group.attrs[f"layer_names{i}"] = part
        else:
            group.attrs["layer_names"] = names if text is np.bytes_ else [n.decode() for n in names]
        group.attrs["backend"] = b"tensorflow"
        group.attrs["keras_version"] = version.encode()
        for name, weights in layers:
            g = group.create_group(name)
            g.attrs["weight_names"] = [p.encode() for p, _ in weights]
            for p, value in weights:
                create(g, p, value, driver)
        if config is not None:
            group.create_group("top_level_model_weights").attrs["weight_names"] = []


def create(group, path, value, driver):
    if driver and value.ndim > 0:
        group.create_dataset(path, data=value, **driver(value))
    else:
        group.create_dataset(path, data=value)


def weights3(layers, **options):
    """Keras 3's model.weights.h5. layers: [(group path, name, [arrays])]"""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as f:
        f.create_group("vars")
        for path, name, arrays in layers:
            group = f.require_group(f"layers/{path}/vars")
            group.attrs["name"] = name
            for i, value in enumerate(arrays):
                group.create_dataset(str(i), data=value)
        f.create_group("optimizer/vars").create_dataset("0", data=np.int64(3))
    return buffer.getvalue()


def keras3(path, config, layers, method=zipfile.ZIP_STORED):
    def put(z, name, data):
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.compress_type = method
        z.writestr(info, data)

    with zipfile.ZipFile(path, "w") as z:
        put(z, "metadata.json", json.dumps({"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}))
        put(z, "config.json", json.dumps(config))
        put(z, "model.weights.h5", weights3(layers))


EXPECTED = {}


def expect(name, x, y, last=False):
    EXPECTED[name] = {"input": np.asarray(x).flatten().tolist(), "output": np.asarray(y[-1] if last else y).flatten().tolist()}


def gru_weights(r, i, u, reset_after):
    return [r(i, 3 * u), r(u, 3 * u), r(2, 3 * u) if reset_after else r(3 * u)]


def lstm_weights(r, i, u):
    return [r(i, 4 * u), r(u, 4 * u), r(4 * u)]


NAMES = ["kernel", "recurrent_kernel", "bias"]


def listed(prefix, arrays, names=NAMES, suffix=":0"):
    return [(f"{prefix}/{n}{suffix}", a) for n, a in zip(names, arrays)]


def refused():
    """Files of weights that h5py writes and a reader must refuse, one for each thing that HDF5 can do and Keras does not."""
    folder = OUT / "refused"
    folder.mkdir(exist_ok=True)
    r = Rng(8)
    kernel, bias = r(3, 2), r(2)

    def write(name, make, attrs=lambda g: g.attrs.__setitem__("weight_names", [b"d/kernel:0", b"d/bias:0"]), **options):
        with h5py.File(folder / name, "w", **options) as f:
            f.attrs["layer_names"] = [b"d"]
            g = f.create_group("d")
            attrs(g)
            g.create_dataset("d/bias:0", data=bias)
            make(g.require_group("d"), f)

    def plain(dtype=None, **more):
        return lambda g, f: g.create_dataset("kernel:0", data=kernel if dtype is None else kernel.astype(dtype), **more)

    def soft(g, f):
        g["kernel:0"] = h5py.SoftLink("/d/d/bias:0")

    def external(g, f):
        g["kernel:0"] = h5py.ExternalLink("/etc/passwd", "/")

    def storage(g, f):
        g.create_dataset("kernel:0", (3, 2), "f4", external=[("../../etc/passwd", 0, 24)])

    def virtual(g, f):
        layout = h5py.VirtualLayout((3, 2), "f4")
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", (3, 2))
        g.create_virtual_dataset("kernel:0", layout)

    def hard(g, f):
        g["kernel:0"] = g["bias:0"]

    def circle(g, f):
        g["kernel:0"] = f["d"]

    def committed(g, f):
        f["type"] = np.dtype("f4")
        g.create_dataset("kernel:0", (3, 2), f["type"])[...] = kernel

    write("soft-link.h5", soft)
    write("soft-link-latest.h5", soft, libver="latest")
    write("external-link.h5", external)
    write("external-link-latest.h5", external, libver="latest")
    write("external-storage.h5", storage)
    write("virtual.h5", virtual)
    write("hard-link.h5", hard)
    write("circle.h5", circle)
    write("committed.h5", committed)
    write("big-endian.h5", plain(">f4"))
    write("int8.h5", plain("i1"))
    write("complex.h5", plain("c8"))
    write("compound.h5", lambda g, f: g.create_dataset("kernel:0", data=np.zeros((3, 2), [("a", "f4")])))
    write("enum.h5", lambda g, f: g.create_dataset("kernel:0", data=kernel > 0))
    write("text.h5", lambda g, f: g.create_dataset("kernel:0", data=np.full((3, 2), b"1.0")))
    write("vlen.h5", lambda g, f: g.create_dataset("kernel:0", (3, 2), h5py.vlen_dtype("f4")))
    write("opaque.h5", lambda g, f: g.create_dataset("kernel:0", data=np.zeros((3, 2), "V3")))
    write("reference.h5", lambda g, f: g.create_dataset("kernel:0", (3, 2), h5py.ref_dtype))
    write("rank3.h5", lambda g, f: g.create_dataset("kernel:0", data=np.zeros((3, 2, 2), "f4")))
    write("null.h5", lambda g, f: g.create_dataset("kernel:0", data=h5py.Empty("f4")))
    write("unwritten.h5", lambda g, f: g.create_dataset("kernel:0", (3, 2), "f4"))
    write("unwritten-chunks.h5", lambda g, f: g.create_dataset("kernel:0", (3, 2), "f4", chunks=(1, 2)))
    write("shape-bomb.h5", lambda g, f: g.create_dataset("kernel:0", (2**31, 2**20), "f4"))
    write("chunk-bomb.h5", lambda g, f: g.create_dataset("kernel:0", data=np.zeros((2**13, 2**10), "f4"), chunks=(2**13, 2**10), compression="gzip", compression_opts=9))
    write("fletcher32.h5", plain(chunks=(3, 2), fletcher32=True))
    write("lzf.h5", plain(chunks=(3, 2), compression="lzf"))
    write("scale-offset.h5", plain("i4", chunks=(3, 2), scaleoffset=0))
    write("chunked-latest.h5", plain(chunks=(3, 2), compression="gzip"), libver="latest")
    write("rank9.h5", lambda g, f: g.create_dataset("kernel:0", data=np.zeros((1,) * 9, "f4")))
    write("compact.h5", lambda g, f: compact(g, kernel))  # read, not refused

    def many(g, f):
        plain()(g, f)
        for i in range(20):
            f.create_group(f"g{i}")

    def attributes(g, f):
        plain()(g, f)
        for i in range(20):
            f.attrs[f"a{i}"] = i

    def names(*list):
        return lambda g: g.attrs.__setitem__("weight_names", [f"d/{n}:0".encode() for n in list])

    write("layer-twice.h5", lambda g, f: (plain()(g, f), f.attrs.__setitem__("layer_names", [b"d", b"d"])))
    write("weight-twice.h5", plain(), names("kernel", "bias", "kernel"))
    write("unlisted.h5", plain(), names("kernel"))
    write("texts.h5", lambda g, f: (plain()(g, f), f.attrs.__setitem__("layer_names", [f"layer{i}" for i in range(200)])))
    with h5py.File(folder / "named-twice.h5", "w") as f:
        for key in ("dense", "dense_1"):
            group = f.create_group(f"layers/{key}/vars")
            group.attrs["name"] = "d"
            group.create_dataset("0", data=kernel)
    with h5py.File(folder / "gru.h5", "w") as f:
        f.attrs["layer_names"] = [b"d"]
        f.create_group("d").attrs["weight_names"] = [b"kernel:0", b"recurrent:0", b"bias:0"]
        for name, value in zip(["kernel", "recurrent", "bias"], gru_weights(r, 3, 2, False)):
            f[f"d/{name}:0"] = value

    def twice(g, f):
        plain()(g, f)
        f.attrs["aa"], f.attrs["ab"] = 1, 2

    write("attribute-twice.h5", twice)
    patch(folder / "attribute-twice.h5", lambda b: b.replace(b"ab\0", b"aa\0"))

    def overlap(g, f):
        g.create_dataset("kernel:0", data=np.ones((1, 2000), "f4"))
        for i in range(3):
            g.create_dataset(f"more{i}:0", (1, 2000), "f4")

    write("overlap.h5", overlap, names("kernel", "bias", "more0", "more1", "more2"))
    with h5py.File(folder / "overlap.h5") as f:
        place = f["d/d/kernel:0"].id.get_offset()
    tail = struct.pack("<Q", 8000)
    patch(folder / "overlap.h5", lambda b: b.replace(b"\3\1" + b"\xff" * 8 + tail, b"\3\1" + struct.pack("<Q", place) + tail))

    write("dense-links.h5", many, libver="latest")
    write("dense-attributes.h5", attributes, libver="latest")
    write("userblock.h5", plain(), userblock_size=512)


def patch(path, change):
    path.write_bytes(change(path.read_bytes()))


def compact(group, value):
    """A dataset inside its object header, which only the low-level interface makes."""
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple(value.shape)
    made = h5py.h5d.create(group.id, b"kernel:0", h5py.h5t.IEEE_F32LE, space, plist)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, value)


def main():
    OUT.mkdir(exist_ok=True)

    # Keras 2.1: a sequential model as a list; GRU with its reset before the product, linear, hard_sigmoid (as mycroft-precise)
    r = Rng(1)
    x = r(T, 3, scale=2)
    g, d = gru_weights(r, 3, 5, False), [r(5, 1), r(1)]
    more = {"activation": "linear", "recurrent_activation": "hard_sigmoid", "batch_input_shape": [None, None, 3], "reset_after": False}
    config = {
        "class_name": "Sequential",
        "config": [
            layer("GRU", cell_config("net", 5, 2, **more)),
            layer("Dense", dense_config("dense_1", 1, "sigmoid")),
        ],
    }
    legacy(OUT / "sequential2.h5", config, "2.1.5", [("net", listed("net", g)), ("dense_1", listed("dense_1", d, ["kernel", "bias"]))])
    y = dense(gru(x, g, "linear", "hard_sigmoid2", False), d, "sigmoid")
    expect("sequential2.h5", x, y, last=True)

    # tf.keras 2.11: InputLayer, two LSTMs, Dropout, LeakyReLU, softmax; names as variable-length text
    r = Rng(2)
    x = r(T, 3)
    a, b, d = lstm_weights(r, 3, 6), lstm_weights(r, 6, 5), [r(5, 4), r(4)]
    config = {
        "class_name": "Sequential",
        "config": {
            "name": "sequential",
            "layers": [
                layer("InputLayer", {"batch_input_shape": [None, T, 3], "dtype": "float32", "sparse": False, "ragged": False, "name": "lstm_input"}),
                layer("LSTM", cell_config("lstm", 6, 2, return_sequences=True, time_major=False)),
                layer("Dropout", {"name": "dropout", "trainable": True, "dtype": "float32", "rate": 0.5, "noise_shape": None, "seed": None}),
                layer("LSTM", cell_config("lstm_1", 5, 2, return_sequences=True, time_major=False)),
                layer("LeakyReLU", {"name": "leaky", "alpha": 0.25}),
                layer("Dense", dense_config("dense", 4, "softmax")),
            ],
        },
    }
    layers = [
        ("lstm", listed("lstm/lstm_cell", a)),
        ("dropout", []),
        ("lstm_1", listed("lstm_1/lstm_cell_1", b)),
        ("leaky", []),
        ("dense", listed("dense", d, ["kernel", "bias"])),
    ]
    legacy(OUT / "sequential2-text.h5", config, "2.11.0", layers, text=str)
    h = lstm(lstm(x, a), b)
    expect("sequential2-text.h5", x, dense(np.where(h >= 0, h, 0.25 * h), d, "softmax"))

    # Functional of tf.keras 2: concatenation with the input, norms, a residual, Bidirectional with ave and sum, two outputs
    r = Rng(3)
    x = r(T, 4)
    g, bn, ln = gru_weights(r, 4, 5, True), [r(9), r(9), r(9), np.abs(r(9)) + 0.1], [r(6), r(6)]
    d, s = [r(9, 6), r(6)], [r(6, 6), r(6, 6)]
    bi = [*lstm_weights(r, 6, 3), *lstm_weights(r, 6, 3)]
    e = [r(3, 2), r(2)]
    fn = lambda name: name
    config = {
        "class_name": "Functional",
        "config": {
            "name": "model",
            "layers": [
                layer("InputLayer", {"batch_input_shape": [None, None, 4], "dtype": "float32", "name": "in"}, []),
                layer("GRU", cell_config("gru", 5, 2, return_sequences=True, reset_after=True), inbound2("in")),
                layer("Concatenate", {"name": "cat", "axis": -1}, inbound2("gru", "in")),
                layer("BatchNormalization", {"name": "bn", "axis": [2], "momentum": 0.99, "epsilon": 0.001, "center": True, "scale": True}, inbound2("cat")),
                layer("TimeDistributed", {"name": "td", "layer": layer("Dense", dense_config("d", 6, "relu"))}, inbound2("bn")),
                layer("LayerNormalization", {"name": "ln", "axis": [2], "epsilon": 0.001, "center": True, "scale": True}, inbound2("td")),
                layer("SimpleRNN", cell_config("srnn", 6, 2, return_sequences=True, use_bias=False, recurrent_activation=None), inbound2("ln")),
                layer("Add", {"name": "add"}, inbound2("srnn", "ln")),
                layer("Bidirectional", {"name": "bi", "merge_mode": "ave", "layer": layer("LSTM", cell_config("l", 3, 2, return_sequences=True))}, inbound2("add")),
                layer("Dense", dense_config("out", 2, "tanh"), inbound2("bi")),
            ],
            "input_layers": [["in", 0, 0]],
            "output_layers": [["out", 0, 0], ["bn", 0, 0]],
        },
    }
    del config["config"]["layers"][6]["config"]["recurrent_activation"]
    layers = [
        ("in", []),
        ("gru", listed("gru/gru_cell", g)),
        ("cat", []),
        ("bn", listed("bn", bn, ["gamma", "beta", "moving_mean", "moving_variance"])),
        ("td", listed("td", d, ["kernel", "bias"])),
        ("ln", listed("ln", ln, ["gamma", "beta"])),
        ("srnn", listed("srnn/simple_rnn_cell", s)),
        ("add", []),
        ("bi", listed("bi/forward_l/lstm_cell", bi[:3]) + listed("bi/backward_l/lstm_cell", bi[3:])),
        ("out", listed("out", e, ["kernel", "bias"])),
    ]
    legacy(OUT / "functional2.h5", config, "2.11.0", layers, split=True)
    cat = batch_norm(np.concatenate([gru(x, g), x], -1), bn, 0.001)
    n = layer_norm(dense(cat, d, "relu"), ln, 0.001)
    h = n + simple(n, s)
    h = (lstm(h, bi[:3]) + lstm(h, bi[3:], backwards=True)[::-1]) / 2
    expect("functional2.h5", x, dense(h, e, "tanh"))
    EXPECTED["functional2.h5"]["second"] = cat.flatten().tolist()

    # Keras 3: embedding, Bidirectional with all steps, with the last, a GRU inside; the archive deflated
    r = Rng(4)
    ids = np.array([3, 0, 6, 6, 1, 5])
    table = r(7, 4)
    f, b = lstm_weights(r, 4, 3), lstm_weights(r, 4, 3)
    f2, b2 = gru_weights(r, 6, 4, True), gru_weights(r, 6, 4, True)
    d = [r(8, 3)]
    def bidirectional(name, inner, cfg, back=None):
        own = {"backward_layer": layer(inner, back, module="keras.layers")} if back else {}
        config = {"name": name, "merge_mode": "concat", "layer": layer(inner, cfg, module="keras.layers"), **own}
        return layer("Bidirectional", config, module="keras.layers")

    config = {
        "module": "keras",
        "class_name": "Sequential",
        "registered_name": "Sequential",
        "build_config": {"input_shape": [None, None]},
        "config": {
            "name": "sequential",
            "trainable": True,
            "dtype": "float32",
            "layers": [
                layer("InputLayer", {"batch_shape": [None, None], "dtype": "int32", "sparse": False, "name": "ids"}, module="keras.layers"),
                layer("Embedding", {"name": "words", "input_dim": 7, "output_dim": 4, "embeddings_initializer": {}, "mask_zero": False}, module="keras.layers"),
                bidirectional("all", "LSTM", cell_config("forward_lstm", 3, return_sequences=True), cell_config("backward_lstm", 3, return_sequences=True, go_backwards=True)),
                bidirectional("last", "GRU", cell_config("gru", 4, reset_after=True, recurrent_activation="hard_sigmoid")),
                layer("Dense", dense_config("dense", 3, "log_softmax", use_bias=False), module="keras.layers"),
            ],
        },
        "compile_config": {"optimizer": "adam", "loss": "mse"},
    }
    layers = [
        ("embedding", "words", [table]),
        ("bidirectional", "all", []),
        ("bidirectional/forward_layer/cell", "lstm_cell", f),
        ("bidirectional/backward_layer/cell", "lstm_cell", b),
        ("bidirectional_1/forward_layer/cell", "gru_cell", f2),
        ("bidirectional_1/backward_layer/cell", "gru_cell", b2),
        ("bidirectional_1/forward_layer/seed_generator", "seed", [np.zeros(2, np.uint32)]),
        ("dense", "dense", d),
    ]
    keras3(OUT / "bidirectional3.keras", config, layers, zipfile.ZIP_DEFLATED)
    h = table[ids].astype(np.float64)
    h = np.concatenate([lstm(h, f), lstm(h, b, backwards=True)[::-1]], -1)
    hard = dict(rec="hard_sigmoid3")
    h = np.concatenate([gru(h, f2, **hard)[-1], gru(h, b2, backwards=True, **hard)[-1]], -1)
    expect("bidirectional3.keras", ids, dense(h, d, "log_softmax"))

    # Functional of Keras 3: two layers of a class, a residual of a list, go_backwards, activations of their own layers
    r = Rng(5)
    x = r(T, 3)
    g1, g2, d1, d2 = gru_weights(r, 3, 4, True), gru_weights(r, 4, 4, False), [r(4, 5), r(5)], [r(9, 2), r(2)]
    back = lstm_weights(r, 3, 5)
    m = "keras.layers"
    config = {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "registered_name": "Functional",
        "config": {
            "name": "functional",
            "layers": [
                layer("InputLayer", {"batch_shape": [None, None, 3], "dtype": "float32", "name": "x"}, [], m),
                layer("GRU", cell_config("a", 4, return_sequences=True, reset_after=True), inbound3("x"), m),
                layer("GRU", cell_config("b", 4, return_sequences=True, reset_after=False, activation="softsign"), inbound3("a"), m),
                layer("Add", {"name": "sum"}, inbound3("a", "b", many=True), m),
                layer("GRU", cell_config("c", 4, reset_after=True, use_bias=False), inbound3("sum"), m),
                layer("LSTM", cell_config("back", 5, go_backwards=True), inbound3("x"), m),
                layer("Concatenate", {"name": "cat", "axis": -1}, inbound3("c", "back", many=True), m),
                layer("Dense", dense_config("out", 2, "leaky_relu"), inbound3("cat"), m),
            ],
            "input_layers": ["x", 0, 0],
            "output_layers": [["out", 0, 0]],
        },
    }
    c = [r(4, 12), r(4, 12)]
    layers = [
        ("gru/cell", "gru_cell", g1),
        ("gru_1/cell", "gru_cell", g2),
        ("gru_2/cell", "gru_cell", c),
        ("lstm/cell", "lstm_cell", back),
        ("dense", "out", d2),
    ]
    keras3(OUT / "functional3.keras", config, layers)
    h1 = gru(x, g1)
    h = gru(h1 + gru(h1, g2, "softsign", reset_after=False), c)[-1]
    expect("functional3.keras", x, dense(np.concatenate([h, lstm(x, back, backwards=True)[-1]]), d2, "leaky_relu"))

    # CuDNNLSTM and CuDNNGRU of Keras 2, written as their to-cuDNN conversion does (tf.keras, hdf5_format.py)
    r = Rng(6)
    x = r(T, 3)
    a, g = lstm_weights(r, 3, 4), gru_weights(r, 4, 5, True)

    def to_cudnn(weights, gates):
        w, u, b = weights
        w = np.hstack([k.T.reshape(k.shape, order="C") for k in np.hsplit(w, gates)])
        u = np.hstack([k.T for k in np.hsplit(u, gates)])
        return [w, u, np.tile(0.5 * b, 2) if gates == 4 else b.reshape(-1)]

    config = {
        "class_name": "Sequential",
        "config": {
            "name": "s",
            "layers": [
                layer("CuDNNLSTM", {"name": "rnn_1", "batch_input_shape": [None, None, 3], "units": 4, "unit_forget_bias": True, "return_sequences": True, "stateful": False}),
                layer("CuDNNGRU", {"name": "rnn_2", "units": 5, "return_sequences": True}),
            ],
        },
    }
    legacy(OUT / "cudnn2.h5", config, "2.2.4", [("rnn_1", listed("rnn_1", to_cudnn(a, 4))), ("rnn_2", listed("rnn_2", to_cudnn(g, 3)))])
    expect("cudnn2.h5", x, gru(lstm(x, a), g))

    # Keras 3: layers whose outputs stay in the order in which they are computed, after one another, added to a forward layer's, under
    # both directions of another, and as an output
    r = Rng(9)
    x = r(T, 3)
    a, b, f, c = lstm_weights(r, 3, 4), gru_weights(r, 4, 5, True), [r(3, 4), r(4, 4), r(4)], gru_weights(r, 4, 3, False)
    bi, d = [lstm_weights(r, 3, 2), lstm_weights(r, 3, 2)], [r(9, 2), r(2)]
    srnn = cell_config("f", 4, return_sequences=True)
    del srnn["recurrent_activation"]
    sequence = dict(return_sequences=True, go_backwards=True)
    config = {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "registered_name": "Functional",
        "config": {
            "name": "functional",
            "layers": [
                layer("InputLayer", {"batch_shape": [None, None, 3], "dtype": "float32", "name": "x"}, [], m),
                layer("LSTM", cell_config("a", 4, **sequence), inbound3("x"), m),
                layer("GRU", cell_config("b", 5, reset_after=True, **sequence), inbound3("a"), m),
                layer("SimpleRNN", srnn, inbound3("x"), m),
                layer("Add", {"name": "sum"}, inbound3("a", "f", many=True), m),
                layer("GRU", cell_config("c", 3, reset_after=False, **sequence), inbound3("sum"), m),
                {**bidirectional("bi", "LSTM", cell_config("l", 2, return_sequences=True)), "name": "bi", "inbound_nodes": inbound3("c")},
                layer("Concatenate", {"name": "cat", "axis": -1}, inbound3("b", "bi", many=True), m),
                layer("Dense", dense_config("out", 2), inbound3("cat"), m),
            ],
            "input_layers": ["x", 0, 0],
            "output_layers": [["out", 0, 0], ["a", 0, 0]],
        },
    }
    layers = [
        ("lstm/cell", "lstm_cell", a),
        ("gru/cell", "gru_cell", b),
        ("simple_rnn/cell", "simple_rnn_cell", f),
        ("gru_1/cell", "gru_cell", c),
        ("bidirectional/forward_layer/cell", "lstm_cell", bi[0]),
        ("bidirectional/backward_layer/cell", "lstm_cell", bi[1]),
        ("dense", "out", d),
    ]
    keras3(OUT / "backwards3.keras", config, layers, zipfile.ZIP_DEFLATED)
    first = lstm(x, a, backwards=True)
    h = gru(first + simple(x, f), c, reset_after=False, backwards=True)
    h = np.concatenate([lstm(h, bi[0]), lstm(h, bi[1], backwards=True)[::-1]], -1)
    expect("backwards3.keras", x, dense(np.concatenate([gru(first, b, backwards=True), h], -1), d))
    EXPECTED["backwards3.keras"]["second"] = first.flatten().tolist()

    # One model in other forms of HDF5, and weights alone
    r = Rng(7)
    x = r(T, 3)
    a, d = lstm_weights(r, 3, 9), [r(9, 2), r(2)]
    config = {
        "class_name": "Sequential",
        "config": {
            "name": "s",
            "layers": [
                layer("LSTM", cell_config("lstm", 9, 2, return_sequences=True, batch_input_shape=[None, None, 3])),
                layer("Dense", dense_config("dense", 2)),
            ],
        },
    }
    y = dense(lstm(x, a), d)
    files = lambda cast=lambda v: v: [("lstm", listed("lstm", map(cast, a))), ("dense", listed("dense", map(cast, d), ["kernel", "bias"]))]
    chunked = lambda v: {"chunks": tuple(max(1, n // 2 - 1) for n in v.shape), "compression": "gzip", "shuffle": True}
    forms = {
        "chunked.h5": dict(driver=chunked),
        "latest.h5": dict(libver="latest"),
        "gzip.h5": dict(driver=lambda v: {"chunks": v.shape, "compression": "gzip"}),
        "shuffled.h5": dict(driver=lambda v: {"chunks": (2,) * v.ndim, "shuffle": True}),
        "unlimited.h5": dict(driver=lambda v: {"chunks": (3,) * v.ndim, "maxshape": (None,) * v.ndim}),
    }
    for name, options in forms.items():
        legacy(OUT / name, config, "2.4.0", files(), **options)
        expect(name, x, y)
    legacy(OUT / "f64.h5", config, "2.4.0", files(lambda v: v.astype(np.float64)))
    expect("f64.h5", x, y)
    half = lambda arrays: [v.astype(np.float16) for v in arrays]
    legacy(OUT / "f16.h5", config, "2.4.0", files(lambda v: v.astype(np.float16)))
    expect("f16.h5", x, dense(lstm(x, half(a)), half(d)))
    legacy(OUT / "weights.h5", None, "2.4.0", files())
    expect("weights.h5", x, y)

    # Keras 3's weights alone, in bfloat16: bytes without a type of HDF5, marked by an attribute
    bf16 = lambda v: ((v.view(np.uint32) >> 16).astype(np.uint16).view("V2"), (v.view(np.uint32) >> 16 << 16).view(np.float32))
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as f:
        for path, name, arrays in [("lstm", "my_lstm", []), ("lstm/cell", "lstm_cell", a), ("dense", "my_dense", d)]:
            group = f.require_group(f"layers/{path}/vars")
            group.attrs["name"] = name
            for i, value in enumerate(arrays):
                group.create_dataset(str(i), data=bf16(value)[0]).attrs["dtype"] = "bfloat16"
    (OUT / "bf16.weights.h5").write_bytes(buffer.getvalue())
    expect("bf16.weights.h5", x, dense(lstm(x, [bf16(v)[1] for v in a]), [bf16(v)[1] for v in d]))

    refused()

    manifest = {"made": "test/golden/keras.py", "h5py": h5py.version.version, "hdf5": h5py.version.hdf5_version, "numpy": np.__version__}
    (OUT / "expected.json").write_text(json.dumps({"manifest": manifest, "files": EXPECTED}) + "\n")


if __name__ == "__main__":
    main()
