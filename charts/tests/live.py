"""What is run against the API server: every set of values through a release's whole life, and what must be refused."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import checks
import helm
import program
import static
from cluster import Cluster, Controllers

RELEASE = "mc"


class Namespace:
    """A namespace of its own with what a controller would put there, and Helm in it."""

    def __init__(self, cluster: Cluster, name: str):
        self.cluster, self.name = cluster, name
        cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        cluster.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}})
        self.helm = helm.Helm(cluster.kubeconfig, name)

    def release(self, revision: int, release: str = RELEASE) -> dict:
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"sh.helm.release.v1.{release}.v{revision}", "namespace": self.name}}
        kept = self.cluster.get(secret)
        assert kept, f"Helm keeps no revision {revision}"
        return helm.release(kept)

    def rendered(self, revision: int, release: str = RELEASE):
        kept = self.release(revision, release)
        hooks = [d for hook in kept.get("hooks") or [] for d in checks.documents(hook["manifest"])]
        return checks.documents(kept["manifest"]), hooks, kept["info"].get("notes", "")

    def is_applied(self, objects: list[dict]):
        """Every rendered field is kept by the server as it was rendered."""
        lost = []
        for document in objects:
            live = self.cluster.get(document)
            if live is None:
                lost.append(f"{checks.name(document)} is not there")
            else:
                lost += [f"{checks.name(document)}{line}" for line in checks.within(document, live)]
        assert not lost, lost

    def is_taken(self, documents: list[dict]):
        """Each is accepted by a server-side dry run, which refuses fields that it does not know."""
        for document in documents:
            self.cluster.dry_run(document)


def as_expected(expected: dict, objects: list[dict], hooks: list[dict], notes: str):
    for what, documents in (("objects", objects), ("hooks", hooks)):
        found = sorted(checks.name(d) for d in documents)
        assert found == sorted(expected[what]), f"{what}: {found}"
    named = {checks.name(d): d for d in objects + hooks}
    wrong = []
    for name, fields in expected["fields"].items():
        for path, value in fields.items():
            found = checks.at(named[name], path)
            if found != value:
                wrong.append(f"{name} {path} is {json.dumps(found)}, expected {json.dumps(value)}")
    assert not wrong, "\n  ".join(wrong)
    for part in expected.get("notes", []):
        assert part in " ".join(notes.split()), f"NOTES.txt does not say {part!r}: {notes}"


def life(cluster: Cluster, name: str, values: dict):
    """Install, upgrade, roll back, `helm test`, uninstall."""
    space = Namespace(cluster, f"chart-{name}")
    with Controllers(cluster, space.name) as controllers:
        space.helm.install(RELEASE, values)
        objects, hooks, notes = space.rendered(1)
        as_expected(helm.load(static.TESTS / "expected" / f"{name}.yaml"), objects, hooks, notes)
        checks.every(objects, hooks, space.name, RELEASE)
        space.is_applied(objects)
        space.is_taken(objects + hooks)

        deployment = next(o for o in objects if o["kind"] == "Deployment")
        claims = {checks.name(o): cluster.get(o)["metadata"]["uid"] for o in objects if o["kind"] == "PersistentVolumeClaim"}
        changed = helm.merged(values, {"config": {"log": "warn"}, "podAnnotations": {"example.org/round": "2"}})
        space.helm.upgrade(RELEASE, changed)
        later, _, _ = space.rendered(2)
        space.is_applied(later)
        was, now = (next(o for o in found if o["kind"] == "Deployment")["spec"]["template"]["metadata"]["annotations"] for found in (objects, later))
        assert was["checksum/config"] != now["checksum/config"], "a change of configuration starts no new pods"
        assert now["example.org/round"] == "2"

        space.helm.rollback(RELEASE, 1)
        back, _, _ = space.rendered(3)
        assert back == objects, "the rollback is not what was installed"
        space.is_applied(back)
        assert "example.org/round" not in cluster.get(deployment)["spec"]["template"]["metadata"]["annotations"]
        for document in objects:
            if document["kind"] == "PersistentVolumeClaim":
                assert cluster.get(document)["metadata"]["uid"] == claims[checks.name(document)], "the claim was replaced"

        space.helm.test(RELEASE)
        pod = next(checks.name(hook) for hook in hooks if hook["kind"] == "Pod").removeprefix("Pod/")
        assert pod in controllers.seen, f"helm test made no pod, only {controllers.seen}"
        space.helm.uninstall(RELEASE)
    for document in objects:
        keeps = document["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"
        gone = wait_gone(cluster, document) if not keeps else False
        assert gone or keeps, f"{checks.name(document)} is left"
        if keeps:
            assert cluster.get(document), f"{checks.name(document)} was to be kept"
    left = cluster.listed(f"/api/v1/namespaces/{space.name}/secrets")
    assert not [s for s in left if s["type"].startswith("helm.sh")], "Helm's own Secrets are left"


def wait_gone(cluster: Cluster, document: dict) -> bool:
    """Without controllers a claim or a set keeps its finalizers: being deleted counts as gone."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        live = cluster.get(document)
        if live is None or live["metadata"].get("deletionTimestamp"):
            return True
        time.sleep(0.1)
    return False


def refused(cluster: Cluster, name: str, case: dict):
    """Helm refuses the values, says which, and makes nothing."""
    space = Namespace(cluster, f"refused-{name}")
    values = helm.merged(static.NEEDED, case["values"])
    try:
        space.helm.install(RELEASE, values)
    except Exception as error:  # noqa: BLE001 (the library's own)
        message = str(error)
    else:
        raise AssertionError("it was installed")
    for part in case["says"]:
        assert part.replace("/", "/") in message.replace(",", "") or part in message, f"{part!r} is not in: {message}"
    for path in ("/api/v1/namespaces/{}/services", "/apis/apps/v1/namespaces/{}/deployments", "/api/v1/namespaces/{}/configmaps"):
        made = [i["metadata"]["name"] for i in cluster.listed(path.format(space.name)) if i["metadata"]["name"] != "kube-root-ca.crt"]
        assert not made, made


def grows_and_shrinks(cluster: Cluster):
    """From one pod to three and back: the strategy changes and the claim of the chart stays."""
    space = Namespace(cluster, "chart-grows")
    one = static.sets()["minimal"]
    three = helm.merged(static.sets()["replicas"], {"persistence": {"existingClaim": "shared"}})
    space.helm.install(RELEASE, one)
    claim, deployment = ({"apiVersion": v, "kind": k, "metadata": {"name": n, "namespace": space.name}} for v, k, n in (
        ("v1", "PersistentVolumeClaim", "mc-missioncontrol-data"), ("apps/v1", "Deployment", "mc-missioncontrol")))
    uid = cluster.get(claim)["metadata"]["uid"]
    space.helm.upgrade(RELEASE, three)
    spec = cluster.get(deployment)["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (3, "RollingUpdate"), spec["strategy"]
    assert cluster.get(claim)["metadata"]["uid"] == uid, "the old claim is gone"
    space.helm.upgrade(RELEASE, helm.merged(one, {"persistence": {"existingClaim": "mc-missioncontrol-data"}}))
    spec = cluster.get(deployment)["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"}), spec["strategy"]
    autoscaled = static.sets()["autoscaling"]
    space.helm.upgrade(RELEASE, autoscaled)
    cluster.request("PATCH", cluster.path(deployment), {"spec": {"replicas": 5}}, "application/merge-patch+json")
    space.helm.upgrade(RELEASE, helm.merged(autoscaled, {"config": {"log": "warn"}}))
    assert cluster.get(deployment)["spec"]["replicas"] == 5, "an upgrade takes back what the autoscaler decided"
    space.helm.uninstall(RELEASE)


def installs_again(cluster: Cluster):
    """A claim that was kept is taken up by the next install of the same name."""
    space = Namespace(cluster, "chart-again")
    values = static.sets()["minimal"]
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "mc-missioncontrol-data", "namespace": space.name}}
    space.helm.install(RELEASE, values)
    uid = cluster.get(claim)["metadata"]["uid"]
    space.helm.uninstall(RELEASE)
    space.helm.install(RELEASE, values)
    assert cluster.get(claim)["metadata"]["uid"] == uid


def two_in_one_namespace(cluster: Cluster):
    space = Namespace(cluster, "chart-two")
    values = static.sets()["production"] | {"fullnameOverride": ""}
    for release in ("blue", "green"):
        space.helm.install(release, values)
    for release in ("blue", "green"):
        objects, hooks, _ = space.rendered(1, release)
        checks.every(objects, hooks, space.name, release)
        space.is_applied(objects)


def long_name(cluster: Cluster):
    """The longest name that Helm allows: every object can be made, and labels of pods that controllers add still fit."""
    space = Namespace(cluster, "chart-long")
    release = "r" * 53
    with Controllers(cluster, space.name):
        space.helm.install(release, helm.merged(static.sets()["production"], {"fullnameOverride": "", "migration": {"enabled": True}}))
    objects, hooks, _ = space.rendered(1, release)
    checks.every(objects, hooks, space.name, release)
    space.is_applied(objects)
    sets = [o["metadata"]["name"] for o in objects if o["kind"] == "StatefulSet"]
    assert all(len(name) <= 52 for name in sets), sets


def failed_migration(cluster: Cluster):
    """A migration that fails stops install and upgrade; what runs stays as it was."""
    space = Namespace(cluster, "chart-failed")
    values = static.sets()["migration"]
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "mc-missioncontrol", "namespace": space.name}}
    with Controllers(cluster, space.name) as controllers:
        space.helm.install(RELEASE, values)
        assert controllers.seen == ["mc-missioncontrol-migration"], "the migration did not run before the install"
        assert not cluster.listed(f"/apis/batch/v1/namespaces/{space.name}/jobs"), "the Job that succeeded is left"
    before = cluster.get(deployment)["spec"]
    with Controllers(cluster, space.name, jobs_fail=True):
        try:
            space.helm.upgrade(RELEASE, helm.merged(values, {"image": {"tag": "2.0.0"}}))
        except Exception as error:  # noqa: BLE001
            assert "pre-upgrade" in str(error), error
        else:
            raise AssertionError("the upgrade went on without its migration")
    assert cluster.get(deployment)["spec"] == before, "pods were changed although the migration failed"
    assert cluster.listed(f"/apis/batch/v1/namespaces/{space.name}/jobs"), "the Job that failed is gone, and its logs with it"
    with Controllers(cluster, space.name):
        space.helm.upgrade(RELEASE, helm.merged(values, {"image": {"tag": "2.0.1"}}))
    assert cluster.get(deployment)["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":2.0.1")


def old_apis(cluster: Cluster):
    """This server has neither policy/v1 nor autoscaling/v2: what is rendered here are the older ones."""
    groups = {v["groupVersion"] for g in cluster.request("GET", "/apis")["groups"] for v in g["versions"]}
    assert {"policy/v1beta1", "autoscaling/v2beta2"} <= groups
    assert not {"policy/v1", "autoscaling/v2"} & groups, "say in docs/guides/kubernetes.md what the tests run on now"


def run(runner, bin_dir: Path, folder: Path):
    cluster = Cluster.__new__(Cluster)
    cluster.processes = []
    try:
        began = time.monotonic()
        cluster.__init__(bin_dir, folder)
        print(f"kube-apiserver {cluster.version} is ready after {time.monotonic() - began:.1f} s", flush=True)
        for path in sorted((static.TESTS / "crds").glob("*.json")):
            cluster.create(json.loads(path.read_text()))
        time.sleep(1)
        runner.run("live/old-apis", lambda: old_apis(cluster))
        for name, values in static.sets().items():
            runner.run(f"live/set/{name}", lambda name=name, values=values: life(cluster, name, values))
        for folder_name in ("bad", "refused"):
            for name, case in static.cases(folder_name).items():
                runner.run(f"live/{folder_name}/{name}", lambda name=name, case=case: refused(cluster, name, case))
        for body in (grows_and_shrinks, installs_again, two_in_one_namespace, long_name, failed_migration):
            runner.run(f"live/{body.__name__}", lambda body=body: body(cluster))
        if os.environ.get("MC_BIN_DIR"):
            program.run(runner, cluster, Path(os.environ["MC_BIN_DIR"]), folder)
    finally:
        cluster.stop()
