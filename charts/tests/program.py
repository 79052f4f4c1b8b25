"""Starts the real mc-controlplane with the variables that the chart renders."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import static
from cluster import free_port


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return answer.read().decode()


def serves(bin_dir: Path, folder: Path, variables: dict[str, str]):
    """It starts with the variables of a ConfigMap, is ready, and ends with 0 at SIGTERM; only places and ports are others."""
    data, keys = folder / "data", folder / "keys"
    data.mkdir(parents=True)
    keys.mkdir()
    (data / "token").write_text("a token that a Secret brings as a file\n")
    (keys / "root.key").write_bytes(os.urandom(32))
    ports = {name: free_port() for name in ("MC_HTTP", "MC_GRPC", "MC_MQTT")}
    given = {}
    for name, value in variables.items():
        value = value.replace("/etc/missioncontrol/auth", str(keys)).replace("/var/lib/missioncontrol", str(data))
        given[name] = f"127.0.0.1:{ports[name]}" if name in ports and value != "none" else value
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([bin_dir / "mc-controlplane"], env=given | {"PATH": os.environ["PATH"]}, stdout=out, stderr=out, cwd=folder)
    try:
        end = time.monotonic() + 60
        while True:
            assert process.poll() is None and time.monotonic() < end, log.read_text()[-2000:]
            try:
                ready = get(ports["MC_HTTP"], "/readyz")
                break
            except OSError:
                time.sleep(0.1)
        assert '"ok":true' in ready.replace(" ", ""), ready
        get(ports["MC_HTTP"], "/healthz")
        assert "mc_http_requests_total" in get(ports["MC_HTTP"], "/metrics")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, log.read_text()[-2000:]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def run(runner, cluster, bin_dir: Path, folder: Path):
    for name in ("embedded", "ephemeral"):
        def body(name=name):
            import live

            space = live.Namespace(cluster, f"program-{name}")
            space.helm.install("mc", static.sets()[name])
            objects, _, _ = space.rendered(1)
            variables = next(o for o in objects if o["kind"] == "ConfigMap")["data"]
            serves(bin_dir, folder / f"program-{name}", variables)

        runner.run(f"program/serves/{name}", body)
