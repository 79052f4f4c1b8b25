"""Helm as a library (helm-sdkpy): lint, install, upgrade, roll back, uninstall."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import shutil
import tempfile
from pathlib import Path

import yaml

CHART = Path(__file__).resolve().parent.parent / "missioncontrol"


LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(path: Path):
    return yaml.load(path.read_text(), LOADER) or {}  # noqa: S506 (it is a SafeLoader)


def merged(base: dict, over: dict) -> dict:
    """`over` on top of `base`, as Helm merges values: maps by key, everything else as a whole, null removes."""
    out = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merged(out[key], value)
        elif value is None:
            out.pop(key, None)
        else:
            out[key] = value
    return out


def lint(values: dict | None = None) -> list[str]:
    """Lints a copy of the chart whose values.yaml is merged with `values`; what was found at a level above INFO."""
    import helm_sdkpy

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "missioncontrol"
        shutil.copytree(CHART, copy)
        if values:
            path = copy / "values.yaml"
            path.write_text(yaml.safe_dump(merged(load(path), values), sort_keys=False))
        config = helm_sdkpy.Configuration(namespace="default")
        result = asyncio.run(helm_sdkpy.Lint(config).run(str(copy)))
    messages = result.get("Messages") or []
    found = [str(message) for message in messages if message.get("Severity", 0) > 1]
    return found + [str(error) for error in result.get("Errors") or []]


class Helm:
    """One namespace of a cluster, as Helm sees it."""

    def __init__(self, kubeconfig: str, namespace: str):
        import helm_sdkpy

        self.sdk = helm_sdkpy
        self.config = helm_sdkpy.Configuration(namespace=namespace, kubeconfig=kubeconfig)

    def install(self, name: str, values: dict, timeout: int = 60):
        run = self.sdk.Install(self.config).run(name, str(CHART), values=values, wait=False, timeout=timeout)
        return asyncio.run(run)

    def upgrade(self, name: str, values: dict, timeout: int = 60):
        run = self.sdk.Upgrade(self.config).run(name, str(CHART), values=values, wait=False, timeout=timeout)
        return asyncio.run(run)

    def rollback(self, name: str, revision: int = 0):
        """Objects and revision are those of `helm rollback`. The library names no way to wait and says so after all was applied."""
        try:
            asyncio.run(self.sdk.Rollback(self.config).run(name, revision))
        except self.sdk.RollbackError as error:
            if "wait strategy not set" not in str(error):
                raise

    def uninstall(self, name: str):
        return asyncio.run(self.sdk.Uninstall(self.config).run(name, wait=False, timeout=60))

    def test(self, name: str):
        return asyncio.run(self.sdk.Test(self.config).run(name))

    def history(self, name: str):
        return asyncio.run(self.sdk.History(self.config).run(name))


def release(secret: dict) -> dict:
    """What Helm keeps of a release in its Secret: manifest, hooks, status."""
    stored = base64.b64decode(base64.b64decode(secret["data"]["release"]))
    return json.loads(gzip.decompress(stored))
