"""Vectors of the tests of sluice/audio, by NumPy and SciPy. Run in this folder: python3 make.py

Each .npz has the arrays that its function names; each .wav was written by SciPy or, at 24 bits, by Python's wave.
The definitions of TensorFlow and librosa are written out here with NumPy, from their documentation, papers and sources.
"""

import hashlib
import json
import wave

import numpy as np
import scipy
from scipy import fft, signal
from scipy.io import wavfile

cases = []


def save(name, seed, **arrays):
    np.savez_compressed(name, **arrays)
    keep(name, seed)


def keep(name, seed):
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


def wavs(seed):
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, dtype, rate, channels in [
        ("u8", np.uint8, 8000, 1),
        ("s16", np.int16, 44100, 2),
        ("s24", np.int32, 48000, 3),
        ("s32", np.int32, 16000, 1),
        ("f32", np.float32, 22050, 2),
        ("f64", np.float64, 96000, 1),
    ]:
        shape = (34, channels) if channels > 1 else 34
        if np.issubdtype(dtype, np.integer):
            bits = int(name[1:])
            least = 0 if name == "u8" else -(2 ** (bits - 1))
            x = rng.integers(least, least + 2**bits, shape, dtype)
            x[0], x[1] = least, least + 2**bits - 1
            samples = (x - (128.0 if name == "u8" else 0.0)) / 2.0 ** (bits - 1)
        else:
            samples = x = rng.standard_normal(shape).astype(dtype)
        if name == "s24":
            with wave.open("s24.wav", "wb") as file:
                file.setparams((channels, 3, rate, 0, "NONE", ""))
                file.writeframes(x[..., None].view(np.uint8)[..., :3].tobytes())
        else:
            wavfile.write(f"{name}.wav", rate, x)
        # Channel after channel; 24 bits and more are exact in f64 only.
        arrays[f"{name}_{rate}_{channels}"] = np.ascontiguousarray(samples.T, np.float64)
    save("wav.npz", seed, **arrays)
    for key in arrays:
        keep(f"{key[:key.index('_')]}.wav", seed)


def resamples(seed):
    rng = np.random.default_rng(seed)
    arrays = {}
    for source, target in [(3, 1), (1, 3), (3, 2), (147, 160), (2, 3), (5, 7), (160, 147), (441, 160)]:
        x = rng.standard_normal(300 if source < 100 else 500)
        most = max(source, target)
        half = 58 * most
        h = signal.firwin(2 * half + 1, 0.95 / most, window=("kaiser", 0.1102 * (90 - 8.7)))
        arrays[f"x_{source}_{target}"] = x
        arrays[f"y_{source}_{target}"] = signal.resample_poly(x, target, source, window=h)
    save("resample.npz", seed, **arrays)


def mel_tensorflow(rate, size, mels, low, high):
    """tf.signal.linear_to_mel_weight_matrix: HTK mels, triangles over mels, without the bin of 0 Hz."""
    mel = lambda hz: 1127 * np.log(1 + np.asarray(hz) / 700)
    bins = mel(np.linspace(0, rate / 2, size // 2 + 1))[1:]
    edges = np.linspace(mel(low), mel(high), mels + 2)
    rows = [
        np.maximum(0, np.minimum((bins - a) / (b - a), (c - bins) / (c - b)))
        for a, b, c in zip(edges, edges[1:], edges[2:])
    ]
    return np.pad(np.stack(rows), [(0, 0), (1, 0)])


def mel_tensorflow_op(rate, size, mels, low, high):
    """The filter bank of the operator Mfcc: each bin goes to the triangle left and the triangle right of it."""
    mel = lambda hz: 1127 * np.log1p(hz / 700)
    centres = mel(low) + (mel(high) - mel(low)) / (mels + 1) * np.arange(1, mels + 2)
    hz_per_bin = 0.5 * rate / (size // 2)
    start, end = int(1.5 + low / hz_per_bin), int(high / hz_per_bin)
    weights = np.zeros((mels, size // 2 + 1))
    for i in range(start, end + 1):
        at = mel(i * hz_per_bin)
        channel = int(np.searchsorted(centres[:mels], at)) - 1
        left = centres[channel] if channel >= 0 else mel(low)
        falling = (centres[channel + 1] - at) / (centres[channel + 1] - left)
        if channel >= 0:
            weights[channel, i] += falling
        if channel + 1 < mels:
            weights[channel + 1, i] += 1 - falling
    return weights


def mel_librosa(rate, size, mels, low, high):
    """librosa.filters.mel: Slaney's mels (linear below 1 kHz), triangles over Hz, each of the same area."""
    def mel(hz):
        return np.where(hz >= 1000, 15 + np.log(np.maximum(hz, 1e-9) / 1000) / (np.log(6.4) / 27), hz * 3 / 200)

    def hertz(mels):
        return np.where(mels >= 15, 1000 * np.exp((mels - 15) * np.log(6.4) / 27), mels * 200 / 3)

    bins = np.fft.rfftfreq(size, 1 / rate)
    edges = hertz(np.linspace(mel(np.float64(low)), mel(np.float64(high)), mels + 2))
    rows = [
        np.maximum(0, np.minimum((bins - a) / (b - a), (c - bins) / (c - b))) * 2 / (c - a)
        for a, b, c in zip(edges, edges[1:], edges[2:])
    ]
    return np.stack(rows)


def features(seed):
    rng = np.random.default_rng(seed)
    arrays = {}
    for rate, frame, size, mels, low, high, count in [
        (16000, 400, 512, 40, 20, 8000, 13),
        (16000, 640, 1024, 40, 20, 4000, 10),
        (16000, 480, 480, 26, 85, 7600, 26),
        (22050, 960, 960, 64, 0, 11025, 20),
    ]:
        # A loud frame, a soft one, and silence.
        x = rng.standard_normal((3, frame)) * np.array([[1], [1e-3], [0]])
        magnitude = np.abs(np.fft.rfft(x * signal.get_window("hann", frame), size))
        key = f"{rate}_{frame}_{size}_{mels}_{low}_{high}_{count}"
        arrays[f"x_{key}"] = x
        log = np.log(magnitude @ mel_tensorflow(rate, size, mels, low, high).T + 1e-6)
        arrays[f"log_tensorflow_{key}"] = log
        # tf.signal.mfccs_from_log_mel_spectrograms: dct (type 2, not scaled) · rsqrt(2 · mels)
        arrays[f"mfcc_tensorflow_{key}"] = (fft.dct(log, type=2) / np.sqrt(2 * mels))[:, :count]
        log = np.log(np.maximum(1e-12, magnitude @ mel_tensorflow_op(rate, size, mels, low, high).T))
        arrays[f"log_operator_{key}"] = log
        cosines = np.cos(np.pi / mels * np.outer(np.arange(count), np.arange(mels) + 0.5))
        arrays[f"mfcc_operator_{key}"] = np.sqrt(2 / mels) * log @ cosines.T
        # librosa.power_to_db with ref=1, amin=1e-10, top_db=None
        log = 10 * np.log10(np.maximum(1e-10, magnitude**2 @ mel_librosa(rate, size, mels, low, high).T))
        arrays[f"log_librosa_{key}"] = log
        arrays[f"mfcc_librosa_{key}"] = fft.dct(log, type=2, norm="ortho")[:, :count]
    save("features.npz", seed, **arrays)


ffts(1)
windows(0)
stfts(2)
wavs(3)
resamples(4)
features(5)

with open("manifest.json", "w") as file:
    json.dump({"script": "make.py", "numpy": np.__version__, "scipy": scipy.__version__, "cases": cases}, file, indent=2)
    file.write("\n")
