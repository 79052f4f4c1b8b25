"""A real kube-apiserver with etcd on loopback, a small client of it, and what stands in for controllers."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

TOKEN = "chart-tests"


def free_port() -> int:
    with closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Refused(Exception):
    """The API server said no."""

    def __init__(self, status: int, message: str):
        super().__init__(f"{status}: {message}")
        self.status = status


class Cluster:
    """Starts both programs; `stop` ends them, by the ids of these processes."""

    def __init__(self, bin_dir: Path, folder: Path):
        self.folder, self.processes, self.kinds = folder, [], {}
        self.port, self.context = free_port(), None
        client, peer = free_port(), free_port()
        (folder / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n")
        subprocess.run(["openssl", "genrsa", "-out", str(folder / "sa.key"), "2048"], check=True, capture_output=True)
        etcd = f"http://127.0.0.1:{client}"
        self._start(
            [bin_dir / "etcd", "--data-dir", folder / "etcd", "--unsafe-no-fsync", "--log-level=error",
             f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}",
             f"--listen-peer-urls=http://127.0.0.1:{peer}", f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
             f"--initial-cluster=default=http://127.0.0.1:{peer}"], "etcd.log")
        self._start(
            [bin_dir / "kube-apiserver", f"--etcd-servers={etcd}", f"--secure-port={self.port}", "--bind-address=127.0.0.1",
             f"--cert-dir={folder / 'certs'}", f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=RBAC",
             "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={folder / 'sa.key'}",
             f"--service-account-signing-key-file={folder / 'sa.key'}", "--service-cluster-ip-range=10.0.0.0/16"], "apiserver.log")
        self._wait()

    def _start(self, command: list, log: str):
        out = (self.folder / log).open("wb")
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GOMAXPROCS": "2"}
        self.processes.append(subprocess.Popen([str(c) for c in command], stdout=out, stderr=out, env=environment, cwd=self.folder))

    def _wait(self):
        certificate = self.folder / "certs" / "apiserver.crt"
        end = time.monotonic() + 120
        while time.monotonic() < end:
            for process in self.processes:
                if process.poll() is not None:
                    raise RuntimeError(f"{process.args[0]} ended with {process.returncode}; see {self.folder}/*.log")
            try:
                if certificate.exists():
                    self.context = ssl.create_default_context(cafile=str(certificate))
                    if self.request("GET", "/readyz", raw=True) == b"ok":
                        self.version = self.request("GET", "/version")["gitVersion"]
                        return
            except (OSError, Refused):
                pass
            time.sleep(0.2)
        raise RuntimeError(f"kube-apiserver is not ready after 120 s; see {self.folder}/apiserver.log")

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @property
    def kubeconfig(self) -> str:
        path = self.folder / "kubeconfig"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": f"https://127.0.0.1:{self.port}", "certificate-authority": str(self.folder / "certs" / "apiserver.crt")}}],
            "users": [{"name": "admin", "user": {"token": TOKEN}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}]}))
        return str(path)

    def request(self, method: str, path: str, body=None, content: str = "application/json", raw: bool = False):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": content, "Accept": "application/json"}
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                message = json.loads(text)["message"]
            except (ValueError, KeyError):
                message = text.decode(errors="replace")
            raise Refused(error.code, message) from None
        return text if raw else json.loads(text)

    def path(self, document: dict) -> str:
        """Where an object is, by discovery."""
        version, kind = document["apiVersion"], document["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if version not in self.kinds:
            found = self.request("GET", root)["resources"]
            self.kinds[version] = {r["kind"]: r for r in found if "/" not in r["name"]}
        resource = self.kinds[version].get(kind)
        if resource is None:
            raise Refused(404, f"the server knows no {kind} of {version}")
        place = f"/namespaces/{document['metadata']['namespace']}" if resource["namespaced"] else ""
        return f"{root}{place}/{resource['name']}/{document['metadata']['name']}"

    def create(self, document: dict):
        return self.request("POST", self.path(document).rsplit("/", 1)[0], document)

    def get(self, document: dict):
        """The object as it is kept; None: there is none."""
        try:
            return self.request("GET", self.path(document))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def dry_run(self, document: dict):
        """Server-side apply, to see whether it is taken. Fields that the schema does not know are refused."""
        path = f"{self.path(document)}?dryRun=All&fieldManager=chart-tests&force=true"
        return self.request("PATCH", path, document, "application/apply-patch+yaml")

    def listed(self, path: str) -> list[dict]:
        return self.request("GET", path)["items"]


class Controllers(threading.Thread):
    """Says of Jobs and Pods in a namespace that they have ended, as controllers and kubelets would; none of them runs here."""

    def __init__(self, cluster: Cluster, namespace: str, jobs_fail: bool = False):
        super().__init__(daemon=True)
        self.cluster, self.namespace, self.jobs_fail = cluster, namespace, jobs_fail
        self.seen, self.done = [], threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()

    def run(self):
        while not self.done.wait(0.1):
            for path, end in ((f"/apis/batch/v1/namespaces/{self.namespace}/jobs", self.job), (f"/api/v1/namespaces/{self.namespace}/pods", self.pod)):
                for item in self.cluster.listed(path):
                    status = end(item)
                    if status is None:
                        continue
                    try:
                        self.cluster.request("PATCH", f"{path}/{item['metadata']['name']}/status", {"status": status}, "application/merge-patch+json")
                        self.seen.append(item["metadata"]["name"])
                    except Refused as refused:
                        if refused.status != 404:
                            raise

    def job(self, item: dict):
        if item["status"].get("conditions"):
            return None
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if self.jobs_fail:
            return {"failed": 1, "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "as asked"}]}
        return {"succeeded": 1, "startTime": now, "completionTime": now, "conditions": [{"type": "Complete", "status": "True"}]}

    def pod(self, item: dict):
        return None if item["status"].get("phase") == "Succeeded" else {"phase": "Succeeded"}
