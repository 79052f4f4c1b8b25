#!/usr/bin/env python3
"""Writes what the programs are made of as CycloneDX 1.5 (JSON), from `cargo metadata` on standard input.

    cargo metadata --locked --format-version 1 --filter-platform TRIPLE | scripts/sbom.py VERSION [PROGRAM...]

PROGRAM names packages of the workspace. Only what is linked into them is listed: no dependencies of tests or of builds.
"""

import hashlib
import json
import sys
import uuid


def linked(graph, roots):
    """Ids of all packages that the roots are linked with."""
    seen, todo = set(), list(roots)
    while todo:
        ident = todo.pop()
        if ident in seen:
            continue
        seen.add(ident)
        for dep in graph[ident]["deps"]:
            if any(kind["kind"] is None for kind in dep["dep_kinds"]):
                todo.append(dep["pkg"])
    return seen


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, kind):
    entry = {"type": kind, "bom-ref": purl(package), "name": package["name"], "version": package["version"], "purl": purl(package)}
    if package.get("license"):
        # Cargo once wrote a slash for OR.
        entry["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    return entry


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    version, programs = sys.argv[1], sys.argv[2:]
    metadata = json.load(sys.stdin)
    packages = {package["id"]: package for package in metadata["packages"]}
    graph = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    members = {packages[ident]["name"]: ident for ident in metadata["workspace_members"]}
    missing = [name for name in programs if name not in members]
    if missing:
        sys.exit(f"error: no package of the workspace is called {', '.join(missing)}")
    seen = sorted(linked(graph, [members[name] for name in programs]), key=lambda ident: purl(packages[ident]))
    root = f"pkg:generic/missioncontrol@{version}"
    dependencies = [{"ref": root, "dependsOn": sorted(purl(packages[members[name]]) for name in programs)}]
    for ident in seen:
        on = sorted({purl(packages[dep["pkg"]]) for dep in graph[ident]["deps"] if dep["pkg"] in seen and any(kind["kind"] is None for kind in dep["dep_kinds"])})
        dependencies.append({"ref": purl(packages[ident]), "dependsOn": on})
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": root, "name": "missioncontrol", "version": version, "purl": root}},
        "components": [component(packages[ident], "application" if packages[ident]["name"] in programs else "library") for ident in seen],
        "dependencies": dependencies,
    }
    # The same sources give the same file.
    digest = hashlib.sha256(json.dumps(bom, sort_keys=True).encode()).digest()
    bom["serialNumber"] = f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=4)}"
    json.dump(bom, sys.stdout, indent=1, sort_keys=True)
    print()


main()
