"""Checks what is shipped for container engines, Windows and GitHub, none of which is here: reads it as its readers would."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import jsonschema
import tree_sitter
import tree_sitter_pwsh
import yaml

ROOT = pathlib.Path(sys.argv[1])
COMPOSE = sys.argv[2] if len(sys.argv) > 2 else ""
PROBLEMS = []
FOLDER = tempfile.TemporaryDirectory()
WORK = pathlib.Path(FOLDER.name)


def check(holds, what):
    if not holds:
        PROBLEMS.append(what)


def dockerfile():
    hadolint = pathlib.Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True)
    check(done.returncode == 0, f"hadolint: {done.stdout}{done.stderr}")
    text = (ROOT / "Dockerfile").read_text()
    for stage in re.split(r"(?m)^FROM ", text)[1:]:
        name = re.search(r" AS (\w+)", stage).group(1)
        if name in ("controlplane", "node", "small"):
            check("\nUSER 10001:10001\n" in stage, f"Dockerfile: the stage {name} does not give up root")


def compose():
    example = (ROOT / ".env.example").read_text()
    known = set(re.findall(r"(?m)^#(MC_[A-Z_]+)=", example))
    schema = None
    if COMPOSE:
        place = next(pathlib.Path("/usr/lib/python3/dist-packages/compose").rglob("compose_spec.json"), None)
        schema = json.loads(place.read_text()) if place else None
    secrets = {"MC_POSTGRES_PASSWORD": "p", "MC_OBJECT_STORAGE_ACCESS_KEY": "k", "MC_OBJECT_STORAGE_ACCESS_SECRET": "s"}
    for file in sorted((ROOT / "compose").glob("*.yaml")):
        document = yaml.safe_load(file.read_text())
        for name, service in document["services"].items():
            check(service.get("privileged") is None, f"{file.name}: {name} is privileged")
            for port in service.get("ports", []):
                check(str(port).startswith("127.0.0.1:"), f"{file.name}: {name} publishes {port} beyond loopback")
            for variable in service.get("environment", {}):
                check(not variable.startswith("MC_") or variable in known, f"{file.name}: {variable} is not in .env.example")
        for variable in re.findall(r"\$\{(MC_[A-Z_]+)", file.read_text()):
            check(variable in known, f"{file.name}: {variable} is not in .env.example")
        if not COMPOSE:
            continue
        # Newer than the reader that Debian has.
        text = re.sub(r"(?m)^name: .*\n", "", file.read_text())
        document.pop("name")
        if schema:
            for problem in jsonschema.Draft7Validator(schema).iter_errors(document):
                check(False, f"{file.name}: {problem.json_path}: {problem.message}")
        (WORK / "env").write_text("")
        (WORK / file.name).write_text(text)
        command = [COMPOSE, "-f", str(WORK / file.name), "--env-file", str(WORK / "env"), "config"]
        done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", **secrets})
        check(done.returncode == 0, f"{file.name}: docker-compose config: {done.stderr}")
        if done.returncode == 0 and "postgres" in document["services"]:
            bare = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
            check(bare.returncode != 0 and "secrets.sh" in bare.stderr, f"{file.name}: without secrets it is not refused")


def powershell():
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_pwsh.language()))

    def walk(node, file):
        if node.type == "ERROR" or node.is_missing:
            check(False, f"{file.name}:{node.start_point.row + 1}: this is no PowerShell: {node.text[:60]!r}")
            return
        for child in node.children:
            walk(child, file)

    for file in sorted((ROOT / "scripts").glob("*.ps1")):
        data = file.read_bytes()
        check(data.isascii(), f"{file.name}: Windows PowerShell 5.1 reads other characters wrongly")
        walk(parser.parse(data).root_node, file)


def workflows():
    for file in sorted((ROOT / ".github/workflows").glob("*.yml")):
        document = yaml.safe_load(file.read_text())
        check(document.get("permissions") == {"contents": "read"}, f"{file.name}: it asks for more rights than reading")
        for name, job in document["jobs"].items():
            check("timeout-minutes" in job, f"{file.name}: {name} has no timeout-minutes")
            for step in job["steps"]:
                for script in re.findall(r"(scripts/[\w-]+\.sh|compose/[\w-]+\.sh)", step.get("run", "")):
                    check((ROOT / script).is_file(), f"{file.name}: there is no {script}")


for part in (dockerfile, compose, powershell, workflows):
    part()
for problem in PROBLEMS:
    print(f"error: {problem}", file=sys.stderr)
print(f"packaging: {len(PROBLEMS)} problems" + ("" if COMPOSE else "; docker-compose was not there"))
sys.exit(bool(PROBLEMS))
