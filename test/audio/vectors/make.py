"""Vectors of the tests of sluice/audio, by NumPy and SciPy. Run in this folder: python3 make.py

Each file is a .npz with the arrays that its function names.
"""

import hashlib
import json

import numpy as np
import scipy
from scipy import signal

cases = []


def save(name, seed, **arrays):
    np.savez_compressed(name, **arrays)
    with open(name, "rb") as file:
        cases.append({"file": name, "seed": seed, "sha256": hashlib.sha256(file.read()).hexdigest()})


def spectrum(x):
    """Complex (…, bins) → real (…, 2 · bins)."""
    return np.ascontiguousarray(x).view(np.float64)


def ffts(seed):
    rng = np.random.default_rng(seed)
    arrays = {}
    for size in [2, 4, 6, 8, 10, 12, 30, 36, 50, 64, 90, 250, 320, 400, 480, 512, 960]:
        x = rng.standard_normal(size)
        arrays[f"x{size}"] = x
        arrays[f"X{size}"] = spectrum(np.fft.rfft(x))
        # Of any half spectrum, the imaginary parts of its ends included.
        half = rng.standard_normal(size // 2 + 1) + 1j * rng.standard_normal(size // 2 + 1)
        if size <= 64 or size == 400:
            arrays[f"S{size}"] = spectrum(half)
            arrays[f"s{size}"] = np.fft.irfft(half, size)
    save("fft.npz", seed, **arrays)


def windows(seed):
    n = (np.arange(20) + 0.5) / 20
    save(
        "windows.npz",
        seed,
        **{name: signal.get_window(name, 20) for name in ["hann", "hamming", "blackman"]},
        **{"sqrt-hann": np.sqrt(signal.get_window("hann", 20)), "rectangular": np.ones(20)},
        vorbis=np.sin(np.pi / 2 * np.sin(np.pi * n) ** 2),
    )


def stfts(seed):
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, frame, hop, size in [("hann", 64, 16, 64), ("hamming", 50, 20, 64), ("hann", 20, 7, 30)]:
        x = rng.standard_normal(hop * 12)
        padded = np.concatenate([np.zeros(frame - hop), x])
        window = signal.get_window(name, frame)
        frames = np.stack([padded[i * hop : i * hop + frame] * window for i in range(12)])
        arrays[f"{name}_{frame}_{hop}_{size}"] = x
        arrays[f"{name}_{frame}_{hop}_{size}_spectra"] = spectrum(np.fft.rfft(frames, size))
    save("stft.npz", seed, **arrays)


ffts(1)
windows(0)
stfts(2)

with open("manifest.json", "w") as file:
    json.dump({"script": "make.py", "numpy": np.__version__, "scipy": scipy.__version__, "cases": cases}, file, indent=2)
    file.write("\n")
