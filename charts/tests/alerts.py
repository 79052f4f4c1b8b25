"""The alerts of the chart, run by Prometheus' own promtool over made-up series."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

import helm

SELECTOR = 'namespace="ns",job="mc"'


def rules() -> dict:
    """As templates/prometheusrule.yaml makes them, without the annotation that says where to read on."""
    made = []
    for alert in helm.load(helm.CHART / "files/alerts.yaml")["alerts"]:
        rule = {"alert": alert["alert"], "expr": alert["expr"].replace("SELECTOR", SELECTOR).strip()}
        if "for" in alert:
            rule["for"] = alert["for"]
        made.append(rule | {"labels": {"severity": alert["severity"], "namespace": "ns", "job": "mc"}, "annotations": {"summary": alert["summary"]}})
    return {"groups": [{"name": "missioncontrol", "rules": made}]}


def fire(promtool: Path):
    tests = Path(__file__).resolve().parent / "alerts.test.yaml"
    fired = {t["alertname"] for test in helm.load(tests)["tests"] for t in test["alert_rule_test"] if t.get("exp_alerts")}
    assert fired == {rule["alert"] for rule in rules()["groups"][0]["rules"]}, f"never fires in a test: {fired}"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rules.yaml").write_text(yaml.safe_dump(rules()))
        shutil.copy(tests, folder)
        for command in (["check", "rules", "rules.yaml"], ["test", "rules", tests.name]):
            ran = subprocess.run([promtool, *command], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
            assert ran.returncode == 0, ran.stdout + ran.stderr
