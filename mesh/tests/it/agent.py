"""ACP agent for tests. Every line in and out goes, fsynced, to the witness file first.

Prompts are scripts, one command per line: say N | ask | sleep S | wait FILE | garbage | crash | daemon | stubborn | flood N
"""
import json, os, subprocess, sys, threading, time, queue

WITNESS = os.open(os.environ["WITNESS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
MODE = os.environ.get("MODE", "")
SYNC = True
inbox, answers, cancelled = queue.Queue(), {}, threading.Event()
lock = threading.Lock()


def witness(way, line):
    os.write(WITNESS, (json.dumps({"way": way, "pid": os.getpid(), "line": line}) + "\n").encode())
    if SYNC:
        os.fsync(WITNESS)


def emit(text):
    with lock:
        witness("out", text)
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def send(**message):
    emit(json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")))


def update(session, **body):
    send(method="session/update", params={"sessionId": session, "update": body})


def say(session, text):
    update(session, sessionUpdate="agent_message_chunk", content={"type": "text", "text": text})


def read():
    for line in sys.stdin:
        line = line.rstrip("\n")
        witness("in", line)
        message = json.loads(line)
        if message.get("method") == "session/cancel":
            cancelled.set()
        elif "method" not in message:
            answers[message["id"]].put(message)
        else:
            inbox.put(message)
    if MODE != "ignore-eof":
        os._exit(0)


def turn(session, text, number):
    global SYNC
    stubborn = False
    for command in text.split("\n"):
        word, _, rest = command.partition(" ")
        if word == "say":
            for i in range(int(rest)):
                say(session, f"t{number}c{i};")
        elif word == "flood":
            SYNC = False
            for i in range(int(rest)):
                say(session, f"t{number}c{i};")
            SYNC = True
        elif word == "ask":
            answers[f"q{number}"] = queue.Queue()
            options = [{"optionId": "yes", "name": "Yes", "kind": "allow_once"}, {"optionId": "no", "name": "No", "kind": "reject_once"}]
            send(id=f"q{number}", method="session/request_permission",
                 params={"sessionId": session, "toolCall": {"toolCallId": "c1", "title": "touch"}, "options": options})
            outcome = answers[f"q{number}"].get()["result"]["outcome"]
            say(session, "answer:" + outcome.get("optionId", outcome["outcome"]))
        elif word == "wait":
            while not os.path.exists(rest) and (stubborn or not cancelled.is_set()):
                time.sleep(0.01)
        elif word == "garbage":
            emit("npm warn this is not a protocol line")
            emit('{"jsonrpc":"2.0","method":"x/brand_new","params":{"k":[1]}}')
        elif word == "crash":
            os._exit(3)
        elif word == "daemon":
            subprocess.Popen(["sh", "-c", "trap '' TERM HUP; while :; do sleep 1; done"], start_new_session=True)
        elif word == "stubborn":
            stubborn = True
        if cancelled.is_set() and not stubborn:
            return "cancelled"
    return "end_turn"


threading.Thread(target=read, daemon=True).start()
if MODE == "ignore-eof":
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
number = 0
while True:
    message = inbox.get()
    method, params = message["method"], message.get("params", {})
    if method == "initialize":
        send(id=message["id"], result={"protocolVersion": 1, "agentCapabilities": {"loadSession": MODE in ("load", "load-fails")}})
    elif method == "session/new":
        send(id=message["id"], result={"sessionId": f"agent-{os.getpid()}"})
    elif method == "session/load" and MODE == "load-fails":
        send(id=message["id"], error={"code": -32002, "message": "no such session"})
    elif method == "session/load":
        for i in range(3):
            say(params["sessionId"], f"replayed{i};")
        send(id=message["id"], result=None)
    elif method == "session/prompt":
        number += 1
        cancelled.clear()
        reason = turn(params["sessionId"], params["prompt"][0]["text"], number)
        send(id=message["id"], result={"stopReason": reason})
    elif "id" in message:
        send(id=message["id"], error={"code": -32601, "message": "unknown"})
