"""
One small network, GRU → LSTM → linear, in every format that can say it, with PyTorch's output: test/golden/same.

    /usr/bin/python3 same.py                 writes the files and manifest.json into same/ beside this script
    /usr/bin/python3 same.py --out FOLDER    writes them there

PyTorch itself writes model.pt and model.onnx; model.h5 and model.keras are h5py's, as keras.py beside this script writes
them; model.safetensors, model.json with its shard (TensorFlow.js) and rtneural.json are written here by their layouts. The
weights are the same numbers everywhere: other orders of gates, transposed, and of an LSTM the sum of both biases in f32
where a format has one. io.npz is what `sluice check` takes: x and y, (T, B, …).
"""

import argparse
import hashlib
import json
import struct
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

SEED = 67
I, H, C, O, T, B = 3, 4, 5, 2, 12, 2


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(I, H)
        self.lstm = nn.LSTM(H, C)
        self.head = nn.Linear(C, O)

    def forward(self, x):
        return self.head(self.lstm(self.gru(x)[0])[0])


def safetensors(tensors):
    header, data = {}, b""
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [len(data), len(data) + value.nbytes]}
        data += value.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def keras_order(value, gates):
    """Rows of PyTorch's gates in Keras's order: r, z, n → z, r, h; i, f, g, o stay."""
    blocks = np.split(value, gates)
    return np.concatenate([blocks[1], blocks[0], blocks[2]] if gates == 3 else blocks)


def keras_weights(w):
    """Per layer: kernel (in, gates · H), recurrent kernel, bias."""
    def cell(name, gates):
        kernel, recurrent, b_ih, b_hh = (
            keras_order(w[f"{name}.{key}_l0"], gates) for key in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
        )
        bias = np.stack([b_ih, b_hh]) if gates == 3 else b_ih + b_hh
        return [np.ascontiguousarray(kernel.T), np.ascontiguousarray(recurrent.T), bias]

    return {
        "gru": cell("gru", 3),
        "lstm": cell("lstm", 4),
        "head": [np.ascontiguousarray(w["head.weight"].T), w["head.bias"]],
    }


def keras_config(version):
    shape = {"batch_shape" if version == 3 else "batch_input_shape": [None, None, I]}
    def layer(class_name, config):
        extra = {"module": "keras.layers", "registered_name": None} if version == 3 else {}
        return {"class_name": class_name, "config": {**config, "dtype": "float32"}, **extra}
    recurrent = {"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True, "return_sequences": True}
    layers = [
        layer("InputLayer", {"name": "x", **shape}),
        layer("GRU", {"name": "gru", "units": H, **recurrent, "reset_after": True}),
        layer("LSTM", {"name": "lstm", "units": C, **recurrent}),
        layer("Dense", {"name": "head", "units": O, "activation": "linear", "use_bias": True}),
    ]
    return {"class_name": "Sequential", "config": {"name": "same", "layers": layers}}


def tfjs(weights):
    manifest, data = [], b""
    for layer, arrays in weights.items():
        for kind, value in zip(["kernel", "bias"] if layer == "head" else ["kernel", "recurrent_kernel", "bias"], arrays):
            manifest.append({"name": f"{layer}/{kind}", "shape": list(value.shape), "dtype": "float32"})
            data += value.tobytes()
    groups = [{"paths": ["model.bin"], "weights": manifest}]
    topology = {"keras_version": "tfjs-layers 4.22.0", "backend": "tensor_flow.js", "model_config": keras_config(2)}
    return {"format": "layers-model", "modelTopology": topology, "weightsManifest": groups}, data


def rtneural(weights):
    def layer(kind, name, units):
        return {"type": kind, "activation": "", "shape": [None, None, units], "weights": [v.tolist() for v in weights[name]]}
    layers = [layer("gru", "gru", H), layer("lstm", "lstm", C), layer("dense", "head", O)]
    return {"in_shape": [None, None, I], "layers": layers}


def main():
    parser = argparse.ArgumentParser()
    here = Path(__file__).resolve().parent
    parser.add_argument("--out", type=Path, default=here / "same")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(here))
    import keras  # keras.py beside this script

    torch.manual_seed(SEED)
    net = Net().eval()
    x = torch.randn(T, B, I)
    with torch.no_grad():
        y = net(x)
    state = net.state_dict()
    w = {name: value.numpy() for name, value in state.items()}
    weights = keras_weights(w)

    torch.save(state, out / "model.pt")
    (out / "model.safetensors").write_bytes(safetensors(w))
    axes = {"x": {0: "T", 1: "N"}, "y": {0: "T", 1: "N"}}
    torch.onnx.export(net, x, str(out / "model.onnx"), input_names=["x"], output_names=["y"], dynamic_axes=axes, opset_version=14)
    names = {"gru": ["gru", "gru_cell"], "lstm": ["lstm", "lstm_cell"], "head": ["head"]}
    listed = [
        (layer, keras.listed("/".join(names[layer]), arrays, ["kernel", "bias"] if layer == "head" else keras.NAMES))
        for layer, arrays in weights.items()
    ]
    keras.legacy(out / "model.h5", keras_config(2), "2.11.0", listed)
    groups = {"gru": "gru/cell", "lstm": "lstm/cell", "head": "dense"}
    keras.keras3(out / "model.keras", keras_config(3), [(groups[layer], layer, arrays) for layer, arrays in weights.items()])
    file, shard = tfjs(weights)
    (out / "model.json").write_text(json.dumps(file, indent=1) + "\n")
    (out / "model.bin").write_bytes(shard)
    (out / "rtneural.json").write_text(json.dumps(rtneural(weights)) + "\n")
    np.savez(out / "io.npz", x=x.numpy(), y=y.numpy())
    # The formatter lays JSON out anew.
    files = sorted(path for path in out.iterdir() if path.suffix != ".json")
    manifest = {
        "torch": torch.__version__,
        "numpy": np.__version__,
        "h5py": keras.h5py.__version__,
        "seed": SEED,
        "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


main()
