"""all-MiniLM-L6-v2 in numpy: texts to sentence vectors."""
import math

import numpy as np
from safetensors.numpy import load_file
from scipy.special import erf
from tokenizers import Tokenizer


class Encoder:
    def __init__(self, folder):
        weights = load_file(f"{folder}/model.safetensors")
        self.w = {k: v.astype(np.float32) for k, v in weights.items() if v.dtype != np.int64}
        self.tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(256)

    def norm(self, x, name):
        mean = x.mean(-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + 1e-12) * self.w[name + ".weight"] + self.w[name + ".bias"]

    def linear(self, x, name):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def batch(self, ids):
        longest, count = max(map(len, ids)), len(ids)
        x, mask = np.zeros((count, longest), int), np.zeros((count, longest), np.float32)
        for i, row in enumerate(ids):
            x[i, : len(row)], mask[i, : len(row)] = row, 1
        e = "embeddings."
        h = self.w[e + "word_embeddings.weight"][x] + self.w[e + "position_embeddings.weight"][:longest]
        h = self.norm(h + self.w[e + "token_type_embeddings.weight"][0], e + "LayerNorm")
        bias = ((1 - mask) * -1e9)[:, None, None, :]
        for layer in range(6):
            p = f"encoder.layer.{layer}."
            q, k, v = [
                self.linear(h, p + f"attention.self.{n}").reshape(count, longest, 12, 32).transpose(0, 2, 1, 3)
                for n in ("query", "key", "value")
            ]
            s = q @ k.transpose(0, 1, 3, 2) / math.sqrt(32) + bias
            s = np.exp(s - s.max(-1, keepdims=True))
            s /= s.sum(-1, keepdims=True)
            c = (s @ v).transpose(0, 2, 1, 3).reshape(count, longest, 384)
            h = self.norm(self.linear(c, p + "attention.output.dense") + h, p + "attention.output.LayerNorm")
            i = self.linear(h, p + "intermediate.dense")
            i = i * 0.5 * (1 + erf(i / math.sqrt(2)).astype(np.float32))
            h = self.norm(self.linear(i, p + "output.dense") + h, p + "output.LayerNorm")
        return (h * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)

    def embed(self, texts, size=64):
        """Mean vectors of the texts, not scaled."""
        ids = [e.ids for e in self.tokenizer.encode_batch(texts)]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        out = np.zeros((len(ids), 384), np.float32)
        for a in range(0, len(order), size):
            part = order[a : a + size]
            out[part] = self.batch([ids[i] for i in part])
        return out
