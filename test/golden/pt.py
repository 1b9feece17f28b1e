"""Makes the .pt files of test/golden/pt: small state_dicts in every form that torch.save has.

    /usr/bin/python3 pt.py                 writes the files and manifest.json into pt/ beside this script
    /usr/bin/python3 pt.py --out FOLDER    writes them there

manifest.json: per file what the reader must find: "tensors" {name: {dtype, shape, bytes: hex of the elements, row by row}},
or "code", the error that it is refused with. Numbers are torch.manual_seed(SEED)'s. The model of `model.pt` has its input
and PyTorch's output beside it, in `run`.
"""

import argparse
import copy
import json
import os
import zipfile

import torch
from torch import nn

SEED = 41
DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}
STREAM = {"_use_new_zipfile_serialization": False}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(7, 5)
        self.rnn = nn.LSTM(5, 6, num_layers=2)
        self.head = nn.Linear(6, 3)

    def forward(self, ids):
        return self.head(self.rnn(self.emb(ids))[0])


def elements(tensor):
    """The bytes of the elements, row by row."""
    flat = tensor.detach().contiguous().reshape(-1)
    if flat.dtype == torch.bfloat16:
        flat = flat.view(torch.int16)
    return flat.numpy().tobytes().hex()


def facts(state):
    return {name: {"dtype": DTYPES[t.dtype], "shape": list(t.shape), "bytes": elements(t)} for name, t in state.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "pt"))
    out = parser.parse_args().out
    os.makedirs(out, exist_ok=True)
    torch.manual_seed(SEED)
    manifest = {"torch": torch.__version__, "seed": SEED, "files": {}}

    def save(name, value, expected, **options):
        torch.save(value, os.path.join(out, name), **options)
        manifest["files"][name] = expected

    net = Net()
    state = net.state_dict()
    ids = torch.randint(0, 7, (9,))
    run = {"ids": ids.tolist(), "output": net(ids[:, None]).detach().reshape(-1).tolist()}
    save("model.pt", state, {"tensors": facts(state), "run": run})
    save("model-stream.pt", state, {"tensors": facts(state), "run": run}, **STREAM)
    save("parameters.pt", dict(net.named_parameters()), {"tensors": facts(state), "run": run})

    types = {}
    for dtype, name in DTYPES.items():
        if dtype == torch.bool:
            types[name] = torch.rand(5) > 0.5
        elif dtype.is_floating_point:
            types[name] = torch.randn(2, 3).to(dtype)
        else:
            types[name] = torch.randint(0, 100, (2, 3)).to(dtype)
    types["scalar"] = torch.tensor(2.5)
    types["empty"] = torch.zeros(0, 4)
    save("dtypes.pt", types, {"tensors": facts(types)})
    save("dtypes-stream.pt", types, {"tensors": facts(types)}, **STREAM)

    base = torch.randn(6, 8)
    views = {
        "whole": base,
        "transposed": base.T,
        "columns": base[:, 2:5],
        "every_other": base[::2, ::3],
        "row": base[3],
        "part": base.reshape(-1)[5:17].reshape(3, 4),
        "permuted": torch.randn(2, 3, 4).permute(2, 0, 1),
        "one_wide": base[:, 4:5],
        "odd": torch.arange(9, dtype=torch.int16)[1:],
    }
    save("views.pt", views, {"tensors": facts(views)})
    save("views-stream.pt", views, {"tensors": facts(views)}, **STREAM)

    tied = {"emb.weight": base, "head.weight": base}
    save("tied.pt", tied, {"tensors": facts(tied)})

    optimizer = torch.optim.Adam(net.parameters())
    net(ids[:, None]).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    state = copy.deepcopy(net.state_dict())
    lightning = {
        "epoch": 3, "global_step": 1234567, "pytorch-lightning_version": "2.1.0", "state_dict": state, "loops": None,
        "callbacks": {}, "optimizer_states": [optimizer.state_dict()], "lr_schedulers": [],
        "hparams_name": "kwargs", "hyper_parameters": {"hidden": 6, "lr": 1e-3, "name": "été", "big": 2**80, "flag": True},
    }
    small = {"emb.weight": torch.randn(3, 2)}
    save("checkpoint.pt", {"epoch": 7, "model_state_dict": state, "optimizer_state_dict": optimizer.state_dict(),
                           "loss": 0.25, "best_acc": -1}, {"tensors": facts(state)})
    save("lightning.ckpt", lightning, {"tensors": facts(state)})
    wrapped = {"module._orig_mod." + name: value for name, value in small.items()}
    save("wrapped.pt", wrapped, {"tensors": facts(small)})

    # Refused, each by name.
    save("module.pt", nn.GRU(2, 3), {"code": "ERR_PICKLE"})
    save("tensor.pt", torch.randn(2), {"code": "ERR_PICKLE"})
    save("list.pt", [torch.randn(2)], {"code": "ERR_PICKLE"})
    save("expanded.pt", {"a": torch.zeros(1).expand(1000)}, {"code": "ERR_SHAPE"})
    save("sparse.pt", {"a": torch.eye(3).to_sparse()}, {"code": "ERR_DTYPE"})
    save("complex.pt", {"a": torch.zeros(2, dtype=torch.complex64)}, {"code": "ERR_DTYPE"})
    save("quantized.pt", {"a": torch.quantize_per_tensor(torch.randn(3), 0.1, 0, torch.qint8)}, {"code": "ERR_DTYPE"})
    save("protocol4.pt", small, {"code": "ERR_VERSION"}, pickle_protocol=4)
    normed = nn.utils.weight_norm(nn.Linear(2, 2))
    save("weight-norm.pt", normed.state_dict(), {"code": "ERR_MISSING_TENSOR"})
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), os.path.join(out, "script.pt"))
    manifest["files"]["script.pt"] = {"code": "ERR_FOREIGN_FORMAT"}

    # Packed again, as tools do that know only zip.
    with zipfile.ZipFile(os.path.join(out, "model.pt")) as source:
        with zipfile.ZipFile(os.path.join(out, "deflated.pt"), "w", zipfile.ZIP_DEFLATED) as target:
            for name in source.namelist():
                target.writestr(zipfile.ZipInfo(name), source.read(name), zipfile.ZIP_DEFLATED)
    manifest["files"]["deflated.pt"] = manifest["files"]["model.pt"]

    with open(os.path.join(out, "manifest.json"), "w") as file:
        json.dump(manifest, file, indent=1, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
