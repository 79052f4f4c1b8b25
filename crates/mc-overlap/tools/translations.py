"""Catalogues of translated messages, and which words of a language stand for which English ones (IBM model 1)."""
import collections
import gettext
import glob
import io
import json
import re
import unicodedata
import zipfile

LANGUAGES = dict(de="de", de_de="de", es="es", es_es="es", fr="fr", fr_fr="fr", pt="pt", pt_br="pt", pl="pl", pl_pl="pl",
                 ru="ru", ru_ru="ru", ja="ja", ja_jp="ja", zh="zh", zh_cn="zh", zh_hans="zh", zh_hans_cn="zh")
PLACEHOLDER = re.compile(r"%\([^)]*\)[sd]|%[sd]|\{[^}]*\}|<[^>]*>|&\w+;")
UNSPACED = re.compile(r"[\u3005-\u3007\u3040-\u309f\u3400-\u9fff]+")
LOAN = re.compile(r"[\u30a0-\u30ff]{2,}")
LETTERS = [("ß", "ss"), ("ł", "l"), ("ø", "o"), ("đ", "d"), ("æ", "ae"), ("œ", "oe"), ("ı", "i")]


def catalogues(folder):
    """{language: sorted [(English, other)]} of every wheel in the folder."""
    out = collections.defaultdict(set)
    for wheel in sorted(glob.glob(folder + "/*.whl")):
        archive = zipfile.ZipFile(wheel)
        for name in archive.namelist():
            found = re.search(r"/(?:locale|translations)/([A-Za-z_-]+)/.*?\.(mo|json)$", name) or re.search(
                r"/([a-z]{2}_[A-Z]{2})/.*\.(mo|json)$", name)
            language = found and LANGUAGES.get(found[1].lower().replace("-", "_"))
            if not language:
                continue
            try:
                if found[2] == "mo":
                    items = gettext.GNUTranslations(io.BytesIO(archive.read(name)))._catalog.items()
                    items = [(k[0] if isinstance(k, tuple) else k, v) for k, v in items]
                else:
                    messages = json.loads(archive.read(name))
                    messages = messages.get("locale_data", {}).get("superset") or messages
                    items = [(k, v[-1] if isinstance(v, list) else v) for k, v in messages.items() if v]
            except (ValueError, OSError, AttributeError, UnicodeDecodeError, TypeError):
                continue  # another kind of file
            for k, v in items:
                if isinstance(k, str) and isinstance(v, str) and k and v and k != v:
                    clean = [PLACEHOLDER.sub(" ", s).strip() for s in (k.split("\x04")[-1], v)]
                    out[language].add(tuple(clean))
    return {language: sorted(pairs) for language, pairs in sorted(out.items())}


def fold(text):
    """As `mc_overlap::token::fold` does it."""
    text = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).lower())
    text = "".join(c for c in text if not "\u0300" <= c <= "\u036f")
    for a, b in LETTERS:
        text = text.replace(a, b)
    return unicodedata.normalize("NFC", text)


def tokens(text):
    text = fold(text)
    out = re.findall(r"[a-z\u0400-\u04ff]{2,}", text) + LOAN.findall(text)
    for run in UNSPACED.findall(text):
        out += [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]
    return out


def english(text):
    return re.findall(r"[a-z]{2,}", text.lower())


def dictionary(pairs, rounds=6):
    """{word: (how often it was seen, [(English word, probability)], likeliest first)}"""
    data = [(english(a)[:30], sorted(set(tokens(b)))[:40] + ["\0"]) for a, b in pairs]
    data = [(e, f) for e, f in data if e and len(f) > 1]
    table = None
    for _ in range(rounds):
        shares, totals = collections.defaultdict(float), collections.defaultdict(float)
        for e, f in data:
            for x in e:
                likely = [1.0] * len(f) if table is None else [table.get((g, x), 1e-9) for g in f]
                whole = sum(likely)
                for g, p in zip(f, likely):
                    if p / whole > 1e-3:
                        shares[g, x] += p / whole
                        totals[g] += p / whole
        table = {k: v / totals[k[0]] for k, v in shares.items() if v / totals[k[0]] > 5e-3}
    seen = collections.Counter(g for _, f in data for g in f)
    out = collections.defaultdict(list)
    for (g, x), p in table.items():
        if g != "\0" and seen[g] >= 2 and p >= 0.12:
            out[g].append((x, round(p, 3)))
    return {g: (seen[g], sorted(v, key=lambda z: -z[1])[:4]) for g, v in out.items()}
