"""Writes `data/words.bin`: what single words mean, how common they are, how much of a verb each is.

    words.py MODEL WHEELS OUT      see words.sh, which makes the folders and calls this

English words are those of the encoder's vocabulary and of the catalogues' messages. A word's vector is what the encoder says
of it alone, then moved so that weighted sums of words are near what the encoder says of the messages; 96 dimensions are kept.
Words of other languages point to the English ones that the catalogues translate them by. No labelled pair is read.
"""
import collections
import json
import os
import re
import struct
import sys

import numpy as np
import scipy.sparse as sparse
import scipy.sparse.linalg as linear
from sklearn.linear_model import LogisticRegression

from encoder import Encoder
from translations import catalogues, dictionary, english

DIMENSIONS, LONGEST, MASK = 96, 24, (1 << 64) - 1


def hash64(text):
    """As `mc_overlap::lexicon::hash` does it."""
    h = 0xCBF29CE484222325
    for b in text.encode():
        h = ((h ^ b) * 0x100000001B3) & MASK
    h ^= h >> 33
    h = h * 0xFF51AFD7ED558CCD & MASK
    h ^= h >> 33
    h = h * 0xC4CEB9FE1A85EC53 & MASK
    return h ^ (h >> 33)


def unit(x):
    return x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-9)


def main(model, wheels, out):
    encoder = Encoder(model)
    catalogue = catalogues(wheels)
    messages = sorted({a for pairs in catalogue.values() for a, _ in pairs})
    count = collections.Counter(w for m in messages for w in set(english(m)))
    vocabulary = [line.strip() for line in open(f"{model}/vocab.txt", encoding="utf-8")]
    known = [w for w in vocabulary if re.fullmatch(r"[a-z]{2,24}", w)]
    rank = {w: i for i, w in enumerate(known)}
    own = sorted(w for w, n in count.items() if n >= 2 and w not in set(vocabulary) and len(w) <= LONGEST)
    words = [w for w in known if rank[w] < 12000 or w in count] + own
    place = {w: i for i, w in enumerate(words)}

    def weight(w):
        general = 1 / (rank[w] + 30) / 6.7 if w in rank else 2e-6
        return 2e-3 / (2e-3 + (general + count.get(w, 0) / 90000) / 2)

    weights = np.array([weight(w) for w in words])
    alone = encoder.embed(words, 128)
    x = unit(alone - alone.mean(0))
    sentences = [m for m in messages if 2 <= len(m.split()) <= 25]
    whole = unit(encoder.embed(sentences)).astype(np.float64)
    whole = unit(whole - whole.mean(0))

    # Word vectors whose weighted sums are near the sentences'.
    rows, columns, values = [], [], []
    for i, sentence in enumerate(sentences):
        places = [place[w] for w in english(sentence) if w in place]
        length = np.sqrt(sum(weights[j] ** 2 for j in places)) + 1e-9
        for j in places:
            rows.append(i), columns.append(j), values.append(weights[j] / length)
    a = sparse.csr_matrix((values, (rows, columns)), (len(sentences), len(words)))
    _, spread, axes = np.linalg.svd(np.vstack([x[::3], whole[::3]]), full_matrices=False)
    base = axes[:DIMENSIONS].T
    start, goal = x @ base, whole @ base
    left, right = (a.T @ a + sparse.identity(len(words))).tocsc(), a.T @ goal + start
    moved = [linear.cg(left, right[:, k], x0=start[:, k], maxiter=60)[0] for k in range(DIMENSIONS)]
    vectors = unit(np.column_stack(moved) / spread[:DIMENSIONS] ** 0.5)

    verbs = verb_like(words, x, messages, rank)
    write(out, words, weights, verbs, np.round(vectors * 127).astype(np.int8), foreign(catalogue, place))


def verb_like(words, x, messages, rank):
    """How likely each word is one that tasks begin with, learned from a list of such verbs."""
    listed = set(open(os.path.join(os.path.dirname(__file__), "verbs.txt"), encoding="utf-8").read().split())
    first, total, known = collections.Counter(), collections.Counter(), set(words)
    for message in messages:
        tokens = english(message)
        if 2 <= len(tokens) <= 12:
            first[tokens[0]] += 1
            total.update(set(tokens))

    def inflects(w):
        return any(w + e in known or w.endswith("e") and w[:-1] + e in known or w + w[-1] + e in known for e in ("ing", "ed"))

    nouns = ("tion", "ment", "ness", "ity", "er", "ed", "ing", "al", "ous", "ic")
    seed = [i for i, w in enumerate(words) if w in listed or total[w] >= 4 and first[w] / total[w] < 0.15
            or rank.get(w, 30000) > 3000 and w.endswith(nouns)]
    model = LogisticRegression(C=3, max_iter=500, class_weight="balanced")
    likely = model.fit(x[seed], [words[i] in listed for i in seed]).predict_proba(x)[:, 1]
    return [1.0 if w in listed else 0.9 * p * (1 if inflects(w) else 0.5) for w, p in zip(words, likely)]


def foreign(catalogue, place):
    """{word: [(English word, probability)], at most two}"""
    best = {}
    for pairs in catalogue.values():
        for word, (seen, english_words) in dictionary(pairs).items():
            english_words = [(e, p) for e, p in english_words if e in place][:2]
            if english_words and word not in place and len(word) <= LONGEST and best.get(word, (0,))[0] < seen:
                best[word] = (seen, english_words)
    return {word: found for word, (_, found) in best.items()}


def write(out, words, weights, verbs, vectors, others):
    key = lambda w: hash64(w) & 0xFFFFFFFF
    byte = lambda x: int(round(x * 255))
    order = sorted(range(len(words)), key=lambda i: key(words[i]))
    number = {words[i]: n for n, i in enumerate(order)}
    rows = []
    for word, found in others.items():
        (a, p), (b, q) = found[0], found[-1]
        rows.append((key(word), number[a], number[b], round(255 * p / (p + q))))
    rows.sort()
    with open(out, "wb") as file:
        file.write(b"mcw1" + struct.pack("<III", len(order), len(rows), DIMENSIONS))
        file.write(b"".join(struct.pack("<I", key(words[i])) for i in order))
        file.write(bytes(byte(weights[i]) for i in order) + bytes(byte(verbs[i]) for i in order))
        file.write(vectors[order].tobytes())
        file.write(b"".join(struct.pack("<I", r[0]) for r in rows) + b"".join(struct.pack("<HHB", *r[1:]) for r in rows))
    print(f"{out}: {len(order)} English words, {len(rows)} others, {os.path.getsize(out)} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:4])
