#!/usr/bin/env python3
"""Stands for the command line of an agent: finds its MCP server as that agent would, calls `whoami` there, and writes
down what it was given. Ends with 7."""
import json, os, subprocess, sys, time, tomllib

name = os.path.basename(sys.argv[0])
arguments = sys.argv[1:]
environment = dict(os.environ)


def read(path):
    with open(path) as file:
        return json.load(file)


if name == "claude":
    option = next(a for a in arguments if a.startswith("--mcp-config="))
    server = read(option.split("=", 1)[1])["mcpServers"]["missioncontrol"]
    command = [server["command"], *server["args"]]
elif name == "codex":
    settings = [arguments[i + 1] for i, a in enumerate(arguments) if a == "-c"]
    server = tomllib.loads("\n".join(settings))["mcp_servers"]["missioncontrol"]
    command = [server["command"], *server["args"]]
elif name == "gemini":
    home = environment["GEMINI_CLI_HOME"]
    server = read(home + "/.gemini/settings.json")["mcpServers"]["missioncontrol"]
    command = [os.path.expandvars(word) for word in [server["command"], *server["args"]]]
else:
    server = read(environment["OPENCODE_CONFIG"])["mcp"]["missioncontrol"]
    assert server["type"] == "local" and server["enabled"]
    command = server["command"]

grant = command[command.index("--grant-file") + 1]
clean = {"PATH": environment["PATH"]}
bridge = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean)
about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": name, "version": "1"}}


def send(message):
    bridge.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    bridge.stdin.flush()
    return json.loads(bridge.stdout.readline()) if "id" in message else None


send({"id": 1, "method": "initialize", "params": about})
send({"method": "notifications/initialized"})
answer = send({"id": 2, "method": "tools/call", "params": {"name": "whoami", "arguments": {}}})
bridge.stdin.close()
bridge.wait()
with open(environment["SEEN"], "w") as file:
    seen = {"arguments": arguments, "environment": environment, "grant": read(grant), "grant_file": grant}
    json.dump({**seen, "who": answer["result"]["structuredContent"]}, file)
sys.exit(7)
