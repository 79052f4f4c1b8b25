"""What holds for every set of values, whatever it is."""

from __future__ import annotations

import re

import yaml


class Strict(yaml.SafeLoader):
    """Refuses a key that is there twice, which YAML libraries otherwise hide."""


def _mapping(loader, node, deep=False):
    keys = [loader.construct_object(key, deep=deep) for key, _ in node.value]
    twice = {str(key) for key in keys if keys.count(key) > 1}
    if twice:
        raise yaml.YAMLError(f"twice in one mapping: {', '.join(sorted(twice))} ({node.start_mark})")
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def documents(text: str) -> list[dict]:
    return [document for document in yaml.load_all(text, Strict) if document]  # noqa: S506 (it is a SafeLoader)


def name(document: dict) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def pod_of(document: dict):
    """Metadata and spec of the pods that an object makes; None: it makes none."""
    if document["kind"] == "Pod":
        return document["metadata"], document["spec"]
    if document["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
        template = document["spec"]["template"]
        return template["metadata"], template["spec"]
    return None


def restricted(spec: dict):
    """Pod Security Standards, level restricted, and a root file system that nobody writes."""
    pod = spec.get("securityContext", {})
    assert pod.get("runAsNonRoot") is True and pod.get("runAsUser", 0) > 0, "runs as root"
    assert pod.get("seccompProfile", {}).get("type") == "RuntimeDefault", "no seccomp profile"
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        assert not spec.get(field), field
    allowed = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret", "csi", "downwardAPI", "ephemeral"}
    for volume in spec.get("volumes", []):
        assert set(volume) - {"name"} <= allowed, f"volume {volume['name']}"
    for container in spec.get("initContainers", []) + spec["containers"]:
        security = container.get("securityContext", {})
        where = f"container {container['name']}"
        assert security.get("allowPrivilegeEscalation") is False, f"{where}: privilege escalation"
        assert security.get("capabilities", {}).get("drop") == ["ALL"], f"{where}: capabilities"
        assert not security.get("capabilities", {}).get("add"), f"{where}: capabilities are added"
        assert security.get("readOnlyRootFilesystem") is True, f"{where}: writable root"
        assert not security.get("privileged") and not any(port.get("hostPort") for port in container.get("ports", [])), where


def mounts(document: dict, spec: dict):
    """Each mount has its volume, none is there twice; variables come once."""
    there = {volume["name"] for volume in spec.get("volumes", [])}
    there |= {claim["metadata"]["name"] for claim in document["spec"].get("volumeClaimTemplates", [])}
    used = set()
    for container in spec.get("initContainers", []) + spec["containers"]:
        paths = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
        assert len(paths) == len(set(paths)), f"a path is mounted twice: {paths}"
        names = {mount["name"] for mount in container.get("volumeMounts", [])}
        assert names <= there, f"no volume for {names - there}"
        used |= names
        variables = [variable["name"] for variable in container.get("env", [])]
        assert len(variables) == len(set(variables)), f"a variable is there twice: {variables}"
    assert used == there, f"volumes that nothing mounts: {there - used}"


def image(reference: str):
    assert re.search(r"(:[^/:]+|@sha256:[0-9a-f]{64})$", reference), f"{reference} has neither tag nor digest"
    assert not reference.endswith(":latest"), reference


def pods(objects: list[dict]):
    for document in objects:
        found = pod_of(document)
        if not found:
            continue
        metadata, spec = found
        restricted(spec)
        mounts(document, spec)
        assert spec.get("enableServiceLinks") is False, "services would put variables into the pod"
        token = spec.get("automountServiceAccountToken")
        has_rules = any(o["kind"] == "Role" for o in objects)
        assert token is (has_rules and document["kind"] == "Deployment"), "the account's token"
        for container in spec.get("initContainers", []) + spec["containers"]:
            image(container["image"])
            ports = {port["name"] for port in container.get("ports", [])}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                port = container.get(probe, {}).get("httpGet", {}).get("port")
                assert port is None or port in ports, f"{probe} asks {port}"
        if document["kind"] in ("Deployment", "StatefulSet", "DaemonSet"):
            wanted = document["spec"]["selector"]["matchLabels"]
            assert wanted.items() <= metadata["labels"].items(), "the selector does not match the pods"
            assert "helm.sh/chart" not in wanted and "app.kubernetes.io/version" not in wanted, "a selector that changes"


def without_secrets(objects: list[dict]):
    made = {o["metadata"]["name"] for o in objects if o["kind"] == "ConfigMap"}
    for document in objects:
        assert document["kind"] != "Secret", "the chart makes a Secret"
        if document["kind"] == "ConfigMap":
            for key, value in document["data"].items():
                assert isinstance(value, str), key
                suspicious = re.search(r"TOKEN$|SECRET|PASSWORD|_KEY$|DATABASE_URL", key) and not key.endswith("_FILE")
                assert not suspicious, f"{key} in a ConfigMap"
        found = pod_of(document)
        for container in found[1]["containers"] if found else []:
            for source in container.get("envFrom", []):
                reference = source.get("configMapRef", {})
                assert reference.get("optional") or reference.get("name") in made or "secretRef" in source, f"no {reference}"


def _matches(selector: dict, objects: list[dict]) -> list[dict]:
    labels = [pod_of(o) for o in objects if pod_of(o)]
    return [spec for metadata, spec in labels if selector.items() <= metadata["labels"].items()]


def references(objects: list[dict]):
    """Selectors, ports and names of one object that mean another one."""
    services = {o["metadata"]["name"]: o for o in objects if o["kind"] == "Service"}
    kinds = {name(o) for o in objects}
    for document in objects:
        kind, spec = document["kind"], document.get("spec", {})
        if kind == "Service":
            chosen = _matches(spec["selector"], objects)
            assert len(chosen) == 1, f"{name(document)} chooses {len(chosen)} workloads"
            named = {p["name"] for c in chosen[0]["containers"] for p in c.get("ports", [])}
            assert {p["targetPort"] for p in spec.get("ports", [])} <= named, f"{name(document)}: ports {named}"
        if kind in ("PodDisruptionBudget",):
            assert len(_matches(spec["selector"]["matchLabels"], objects)) == 1, name(document)
        if kind == "NetworkPolicy":
            assert len(_matches(spec["podSelector"]["matchLabels"], objects)) == 1, name(document)
        if kind == "ServiceMonitor":
            wanted = spec["selector"]["matchLabels"]
            chosen = [s for s in services.values() if wanted.items() <= s["metadata"]["labels"].items()]
            assert len(chosen) == 1 and spec["endpoints"][0]["port"] in {p["name"] for p in chosen[0]["spec"]["ports"]}, "scrapes nothing, or twice"
        if kind == "HorizontalPodAutoscaler":
            target = spec["scaleTargetRef"]
            assert f"{target['kind']}/{target['name']}" in kinds
            assert all("replicas" not in o["spec"] for o in objects if o["kind"] == "Deployment"), "replicas beside an autoscaler"
        if kind == "Ingress":
            backend = spec["rules"][0]["http"]["paths"][0]["backend"]["service"]
            assert backend["port"]["name"] in {p["name"] for p in services[backend["name"]]["spec"]["ports"]}
        if kind == "HTTPRoute":
            backend = spec["rules"][0]["backendRefs"][0]
            assert backend["port"] in {p["port"] for p in services[backend["name"]]["spec"]["ports"]}
        if kind == "StatefulSet":
            assert spec["serviceName"] in services
        if kind == "RoleBinding":
            assert f"Role/{spec.get('roleRef', document['roleRef'])['name']}" in kinds


def labelled(objects: list[dict], namespace: str, release: str):
    seen = set()
    for document in objects:
        metadata = document["metadata"]
        identity = (document["apiVersion"].split("/")[0], name(document))
        assert identity not in seen, f"{name(document)} is there twice"
        seen.add(identity)
        assert metadata["namespace"] == namespace, f"{name(document)} is in no namespace"
        assert len(metadata["name"]) <= 63, f"{name(document)} is too long"
        labels = metadata["labels"]
        assert labels["app.kubernetes.io/instance"] == release and labels["app.kubernetes.io/managed-by"] == "Helm", name(document)
        assert {"app.kubernetes.io/name", "app.kubernetes.io/component", "helm.sh/chart"} <= set(labels), name(document)


def every(objects: list[dict], hooks: list[dict], namespace: str, release: str):
    both = objects + hooks
    pods(both)
    without_secrets(both)
    references([o for o in both if o["kind"] not in ("Pod", "Job")])
    labelled(both, namespace, release)


def within(rendered, live, where: str = "") -> list[str]:
    """What of `rendered` is not in `live`: a field that the server has dropped or changed."""
    if isinstance(rendered, dict):
        if not isinstance(live, dict):
            return [] if not rendered and live is None else [f"{where} is {live!r}"]
        return [line for key, value in rendered.items() for line in within(value, live.get(key), f"{where}.{key}")]
    if isinstance(rendered, list):
        if not rendered and live is None:
            return []
        if not isinstance(live, list) or len(live) != len(rendered):
            return [f"{where} is {live!r}"]
        return [line for n, value in enumerate(rendered) for line in within(value, live[n], f"{where}[{n}]")]
    same = rendered == live or quantity(rendered) == quantity(live) is not None
    return [] if same else [f"{where} is {live!r}, not {rendered!r}"]


def quantity(value):
    """A quantity as number; the server writes `1000m` as `1`."""
    match = re.fullmatch(r"([0-9.]+)(m|[kMGTP]i?)?", str(value)) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None
    if not match:
        return None
    unit = match[2] or ""
    power = "kMGTP".find(unit[0]) + 1 if unit and unit != "m" else 0
    factor = 0.001 if unit == "m" else (1024 if unit.endswith("i") else 1000) ** power
    return float(match[1]) * factor


def at(document, path: str):
    """The value at a path such as `spec.template.spec.containers[controlplane].image`; a list is asked by name or number."""
    value = document
    for step in re.findall(r"[^.\[\]]+(?=\[|\.|$)|\[[^\]]+\]", path):
        if step.startswith("["):
            key = step[1:-1]
            if isinstance(value, list):
                value = value[int(key)] if key.isdigit() else next((i for i in value if i.get("name") == key), None)
            else:
                value = (value or {}).get(key)
        else:
            value = None if value is None else value.get(step)
        if value is None:
            return None
    return value
