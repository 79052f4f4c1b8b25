"""Starts the real programs with the variables and arguments that the chart renders; only places, hosts and ports are others."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import helm
import live
import static
from cluster import free_port

TOKEN = "mcb_a-token-that-a-Secret-brings-as-a-file"


def ask(method: str, url: str, token: str | None = None, body=None):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read().decode()
    return json.loads(text) if text.startswith("{") else text


def until(condition, process, log: Path, seconds: float = 60):
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert process.poll() is None, f"it ended with {process.returncode}: {log.read_text()[-2000:]}"
        assert time.monotonic() < end, f"not within {seconds} s: {log.read_text()[-2000:]}"
        time.sleep(0.1)


@contextmanager
def started(command: list, environment: dict, folder: Path):
    """A process with nothing but these variables; it ends with 0 or by the signal."""
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([str(c) for c in command], env=environment | {"PATH": os.environ["PATH"]}, stdout=out, stderr=out, cwd=folder)
    try:
        yield process, log
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) in (0, -signal.SIGTERM), log.read_text()[-2000:]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


class Server:
    """The files and variables of one pod."""

    def __init__(self, folder: Path, variables: dict[str, str], root_key: bytes):
        self.folder, data, keys = folder, folder / "data", folder / "keys"
        data.mkdir(parents=True)
        keys.mkdir()
        (data / "token").write_text(TOKEN + "\n")
        (keys / "root.key").write_bytes(root_key)
        self.ports = {name: free_port() for name in ("MC_HTTP", "MC_GRPC", "MC_MQTT")}
        self.variables = {}
        for name, value in variables.items():
            value = value.replace("/etc/missioncontrol/auth", str(keys)).replace("/var/lib/missioncontrol", str(data))
            self.variables[name] = f"127.0.0.1:{self.ports[name]}" if name in self.ports and value != "none" else value
        self.variables["MC_ADVERTISE"] += ",127.0.0.1"

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.ports['MC_HTTP']}{path}"

    def is_ready(self):
        try:
            return ask("GET", self.url("/readyz"))["ok"]
        except OSError:
            return False


@contextmanager
def serving(bin_dir: Path, server: Server):
    with started([bin_dir / "mc-controlplane"], server.variables, server.folder) as (process, log):
        until(server.is_ready, process, log)
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, log.read_text()[-2000:]


def rendered(cluster, name: str, values: dict) -> list[dict]:
    space = live.Namespace(cluster, f"program-{name}")
    space.helm.install(live.RELEASE, values)
    return space.rendered(1)[0]


def configuration(objects: list[dict]) -> dict[str, str]:
    return next(o for o in objects if o["kind"] == "ConfigMap")["data"]


def serves(cluster, bin_dir: Path, folder: Path, name: str):
    """It starts, is ready, tells its metrics to a login, and ends with 0 at SIGTERM."""
    server = Server(folder / f"serves-{name}", configuration(rendered(cluster, name, static.sets()[name])), os.urandom(32))
    with serving(bin_dir, server):
        ask("GET", server.url("/healthz"))
        login = ask("POST", server.url("/api/v1/auth/login"), TOKEN, {"principal": "prometheus", "role": "viewer", "ttl_seconds": 2592000})
        told = ask("GET", server.url("/metrics"), login["token"])
        assert "mc_http_requests_total" in told, f"/metrics tells {told[:500]!r}"


def node_joins(cluster, bin_dir: Path, folder: Path):
    """mc-mesh takes the arguments of the chart and joins; `mc-mesh status`, the probe, answers."""
    values = helm.merged(static.sets()["mesh-statefulset"], {"database": {"existingSecret": None, "embedded": True}})
    objects = rendered(cluster, "node", values)
    container = next(o for o in objects if o["kind"] == "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    server = Server(folder / "node-server", configuration(objects), os.urandom(32))
    place = folder / "node"
    place.mkdir()
    with serving(bin_dir, server):
        token = ask("POST", server.url("/api/v1/join-tokens"), TOKEN, {})["token"]
        (place / "token").write_text(token)
        given = {v["name"]: v["value"] for v in container["env"] if "value" in v}
        given = {n: v.replace("/var/lib/missioncontrol", str(place)).replace("/home/agent", str(place)) for n, v in given.items()}
        given["MC_MESH_SERVER"] = f"https://127.0.0.1:{server.ports['MC_GRPC']}"
        arguments = [a.replace("/etc/missioncontrol/join", str(place)) for a in container["args"]]
        with started([bin_dir / container["command"][0], *arguments], given, place) as (process, log):
            probe = [bin_dir / container["livenessProbe"]["exec"]["command"][0], *container["livenessProbe"]["exec"]["command"][1:]]

            def connected():
                said = subprocess.run(probe, env=given, capture_output=True, text=True, timeout=10, check=False)
                return said.returncode == 0 and "connected since" in said.stdout

            until(connected, process, log)
            nodes = ask("GET", server.url("/api/v1/nodes"), TOKEN)["items"]
            assert len(nodes) == 1, nodes


def two_replicas(cluster, bin_dir: Path, folder: Path, url: str):
    """Two pods begin at once on one empty Postgres, with one root key, and see what the other wrote."""
    name = f"chart_{os.getpid()}"
    subprocess.run(["psql", url, "-qc", f"CREATE DATABASE {name}"], check=True)
    try:
        own = url.rsplit("/", 1)[0] + f"/{name}"
        values = helm.merged(static.sets()["autoscaling"], {"objectStorage": {"bucket": ""}, "autoscaling": {"enabled": False}})
        secret = folder / "database-url"
        secret.write_text(own + "\n")
        variables = configuration(rendered(cluster, "two", values)) | {"MC_DATABASE_URL_FILE": str(secret)}
        migrated = subprocess.run([bin_dir / "mc-controlplane", "migrate", "--data-dir", folder / "migration"], env={"MC_DATABASE_URL_FILE": str(secret)}, capture_output=True, text=True, check=False)
        assert migrated.returncode == 0 and "the schema went from version 0 to " in migrated.stdout, migrated.stderr
        key = os.urandom(32)
        one, two = (Server(folder / f"replica-{n}", variables, key) for n in (1, 2))
        with started([bin_dir / "mc-controlplane"], one.variables, one.folder) as (first, log), serving(bin_dir, two):
            until(one.is_ready, first, log)
            login = ask("POST", one.url("/api/v1/auth/login"), TOKEN, {"principal": "anna", "role": "contributor"})
            ask("POST", two.url("/api/v1/missions"), login["token"], {"name": "apollo"})
            assert [m["name"] for m in ask("GET", one.url("/api/v1/missions"), login["token"])["items"]] == ["apollo"]
    finally:
        subprocess.run(["psql", url, "-qc", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"], check=True)


def run(runner, cluster, bin_dir: Path, folder: Path):
    for name in ("embedded", "ephemeral"):
        runner.run(f"program/serves/{name}", lambda name=name: serves(cluster, bin_dir, folder, name))
    runner.run("program/node-joins", lambda: node_joins(cluster, bin_dir, folder))
    url = os.environ.get("MC_TEST_POSTGRES_URL")
    if url and shutil.which("psql"):
        runner.run("program/two-replicas", lambda: two_replicas(cluster, bin_dir, folder, url))
