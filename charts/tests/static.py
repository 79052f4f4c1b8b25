"""What needs no API server: lint, schema, README, and what the chart says of metrics, variables and alerts against the sources."""

from __future__ import annotations

import json
import os
import re
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import jsonschema

import alerts
import helm

TESTS = Path(__file__).resolve().parent
REPO = TESTS.parent.parent
CHART = helm.CHART
GUIDE = REPO / "docs/guides/kubernetes.md"
NEEDED = {"auth": {"existingSecret": "mc-auth"}, "database": {"existingSecret": "mc-database"}}


def sets() -> dict[str, dict]:
    return {path.name.removesuffix("-values.yaml"): helm.load(path) for path in sorted((CHART / "ci").glob("*-values.yaml"))}


def cases(folder: str) -> dict[str, dict]:
    return {path.stem: helm.load(path) for path in sorted((TESTS / folder).glob("*.yaml"))}


@contextmanager
def said():
    """What the library writes to the standard error of this process."""
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        text = [""]
        try:
            yield text
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            text[0] = file.read().decode()


def lint_default():
    found = helm.lint()
    assert not found, found


def lint_set(values: dict):
    with said() as text:
        found = helm.lint(values)
    assert not found and "funcMap fail" not in text[0], (found, text[0])


@cache
def schema() -> dict:
    return json.loads((CHART / "values.schema.json").read_text())


def errors_of(values: dict) -> list[str]:
    whole = helm.merged(helm.load(CHART / "values.yaml"), values)
    found = jsonschema.Draft202012Validator(schema()).iter_errors(whole)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in found]


def schema_takes(values: dict):
    found = errors_of(values)
    assert not found, found


def schema_refuses(case: dict):
    found = "\n".join(errors_of(case["values"]))
    assert found, "nothing is wrong with it"
    for part in case["says"]:
        assert part in found, f"{part!r} is not in: {found}"
    assert helm.lint(case["values"]), "Helm's lint takes it"


def template_refuses(case: dict):
    with said() as text:
        helm.lint(helm.merged(NEEDED, case["values"]))
    for part in case["says"]:
        assert part in text[0].replace('\\"', '"'), f"{part!r} is not in: {text[0]}"


def schema_is_strict():
    """Every object of the schema that has properties refuses others, and knows exactly the values there are."""
    whole, values = schema(), helm.load(CHART / "values.yaml")

    def walk(node: dict, value, path: str):
        known = node.get("properties", {})
        assert node.get("additionalProperties") is False, f"{path or 'the top'} takes anything"
        extra = {"global"} if not path else set()
        assert set(known) - extra == set(value), f"{path}: {set(known) ^ set(value)}"
        for key, inner in known.items():
            if "properties" in inner:
                walk(inner, value[key], f"{path}.{key}".lstrip("."))

    walk(whole, values, "")


def table() -> str:
    """The table of values, from the comments of values.yaml."""
    rows, stack, comment, values = [], [], None, helm.load(CHART / "values.yaml")
    for line in (CHART / "values.yaml").read_text().splitlines():
        found = re.match(r"^( *)# -- (.*)$", line)
        if found:
            comment = found[2]
            continue
        found = re.match(r"^( *)([A-Za-z]+):( .*)?$", line)
        if not found:
            continue
        depth = len(found[1]) // 2
        stack = stack[:depth] + [found[2]]
        if comment is None:
            continue
        value = values
        for step in stack:
            value = value[step]
        rows.append(f"| `{'.'.join(stack)}` | `{json.dumps(value)}` | {comment.replace('|', chr(92) + '|')} |")
        comment = None
    return "| value | default | what it is |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def leaves(node: dict, path: str = "") -> set[str]:
    out = set()
    for key, value in node.items():
        here = f"{path}.{key}".lstrip(".")
        out |= leaves(value, here) if isinstance(value, dict) and value and not here.endswith(("resources", "labels")) else {here}
    return out


def values_are_explained():
    rows = set(re.findall(r"^\| `([A-Za-z.]+)` \|", table(), re.MULTILINE))
    there = leaves(helm.load(CHART / "values.yaml"))
    assert rows == there, f"without a comment: {there - rows}; not a value: {rows - there}"


BEGIN, END = "<!-- values: written by scripts/chart-test.sh --bless -->\n", "<!-- end of values -->"


def bless():
    path = CHART / "README.md"
    before, rest = path.read_text().split(BEGIN)
    path.write_text(before + BEGIN + table() + END + rest.split(END)[1])


def readme_is_current():
    text = (CHART / "README.md").read_text()
    assert BEGIN + table() + END in text, "the table in charts/missioncontrol/README.md is old: scripts/chart-test.sh --bless"


def rust(*roots: str) -> str:
    return "\n".join(path.read_text() for root in roots for path in sorted((REPO / root).rglob("*.rs")))


def metrics_exist():
    """Alerts and dashboard name only metrics that the control plane writes, with the labels they have there."""
    sources = rust("controlplane/src")
    kinds = {name: kind for kind, name in re.findall(r'metrics::(counter|gauge|histogram)!\(\s*"(mc_[a-z_]+)"', sources)}
    used = (CHART / "files/alerts.yaml").read_text() + (CHART / "files/dashboard.json").read_text()
    names = set(re.findall(r"\bmc_[a-z0-9_]+", used))
    assert len(names) > 15, names
    for name in names:
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        kind = kinds.get(base)
        assert kind, f"no metric {name}"
        assert (kind == "histogram") == (base != name), f"{name} is a {kind}"
        assert ("rate(" not in used or kind != "gauge") or f"rate({name}" not in used, f"rate of the gauge {name}"


def alerts_are_documented():
    known = helm.load(CHART / "files/alerts.yaml")["alerts"]
    guide = GUIDE.read_text()
    names = [alert["alert"] for alert in known]
    assert len(names) == len(set(names)) >= 10
    for alert in known:
        assert set(alert) - {"for"} == {"alert", "expr", "severity", "summary"}, alert
        assert "SELECTOR" in alert["expr"], alert["alert"]
        assert f"\n### {alert['alert']}\n" in guide, f"docs/guides/kubernetes.md says nothing about {alert['alert']}"


def dashboard_is_whole():
    board = json.loads((CHART / "files/dashboard.json").read_text())
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in panels:
        for target in panel["targets"]:
            assert 'namespace="$namespace",job="$job"' in target["expr"], panel["title"]
            assert target["expr"].count("(") == target["expr"].count(")"), panel["title"]


def variables_exist():
    """Every variable and flag that the chart sets is read by the program that gets it."""
    server = "\n".join((REPO / p).read_text() for p in ("controlplane/src/config.rs", "controlplane/src/config/key.rs", "controlplane/src/config/mqtt_broker.rs", "controlplane/src/config/object_storage.rs", "controlplane/src/config/embeddings.rs"))
    mesh = (REPO / "mesh/src/cli/args.rs").read_text()
    templates = CHART / "templates"
    wanted = set(re.findall(r"\bMC_[A-Z_]+\b", (templates / "_controlplane.tpl").read_text()))
    missing = {name for name in wanted if f'"{name}"' not in server}
    assert len(wanted) > 25 and not missing, f"the control plane reads no {missing}"
    text = (templates / "mesh.yaml").read_text()
    missing = {name for name in re.findall(r"\bMC_[A-Z_]+\b", text) if f'"{name}"' not in mesh}
    assert not missing, f"mc-mesh reads no {missing}"
    for flag in re.findall(r"- --([a-z-]+)=", text):
        assert re.search(rf"\b{flag.replace('-', '_')}:", mesh), f"mc-mesh has no --{flag}"
    # The only argument of the control plane is the command of the migration.
    assert "args" not in (templates / "deployment.yaml").read_text()
    commands = (REPO / "controlplane/src/config/args.rs").read_text()
    for argument in re.findall(r"args: \[([a-z-]+)\]", (templates / "migration.yaml").read_text()):
        assert re.search(rf"^    {argument.capitalize()},$", commands, re.MULTILINE), f"the control plane has no command {argument}"


def words_are_those_of_the_program():
    properties = schema()["properties"]
    profiles = re.search(r"enum GovernanceProfile \{(.*?)\}", (REPO / "crates/mc-api/src/auth.rs").read_text(), re.DOTALL)[1]
    assert properties["config"]["properties"]["governanceProfile"]["enum"] == re.findall(r'= "([a-z]+)"', profiles)
    storage = (REPO / "controlplane/src/config/object_storage.rs").read_text()
    for word in properties["objectStorage"]["properties"]["sse"]["enum"]:
        assert f'"{word}"' in storage, word


def versions_agree():
    chart = helm.load(CHART / "Chart.yaml")
    cargo = re.search(r'^version = "([^"]+)"', (REPO / "Cargo.toml").read_text(), re.MULTILINE)[1]
    assert chart["appVersion"] == cargo, f"appVersion {chart['appVersion']}, Cargo.toml {cargo}"


def sets_cover_the_values():
    """Every value differs from its default in some set."""
    default = helm.load(CHART / "values.yaml")
    changed = set()

    def walk(over: dict, base: dict, path: str):
        for key, value in over.items():
            here = f"{path}.{key}".lstrip(".")
            if isinstance(value, dict) and isinstance(base.get(key), dict) and base[key] and not here.endswith(("resources", "labels")):
                walk(value, base[key], here)
            elif value != base.get(key):
                changed.add(here)

    for values in sets().values():
        walk(values, default, "")
    left = leaves(default) - changed
    assert not left, f"no set of values changes {sorted(left)}"


def tests():
    """Name and body of every test."""
    yield "lint/default", lint_default
    for name, values in sets().items():
        yield f"lint/{name}", lambda values=values: lint_set(values)
        yield f"schema/takes/{name}", lambda values=values: schema_takes(values)
    for name, case in cases("bad").items():
        yield f"schema/refuses/{name}", lambda case=case: schema_refuses(case)
    for name, case in cases("refused").items():
        yield f"templates/refuse/{name}", lambda case=case: template_refuses(case)
    for body in (schema_is_strict, values_are_explained, readme_is_current, metrics_exist, alerts_are_documented, dashboard_is_whole,
                 variables_exist, words_are_those_of_the_program, versions_agree, sets_cover_the_values):
        yield f"chart/{body.__name__}", body
    promtool = os.environ.get("MC_PROMTOOL")
    if promtool:
        yield "alerts/fire", lambda: alerts.fire(Path(promtool))


__all__ = ["bless", "cases", "sets", "tests"]
