"""Runs one command in a pod with the Python client, and writes {"stdout", "stderr", "code"} as one JSON line.

Arguments: kubeconfig, context, "exec" or "attach", pod, "tty" or "plain", "stdin" or "none", then the command.
"""

import json
import sys

from kubernetes import client, config
from kubernetes.stream import stream

kubeconfig, context, kind, pod, terminal, reads, *command = sys.argv[1:]
api = client.CoreV1Api(config.new_client_from_config(kubeconfig, context))
tty = terminal == "tty"
call = api.connect_get_namespaced_pod_exec if kind == "exec" else api.connect_get_namespaced_pod_attach
asked = {"command": command} if kind == "exec" else {}
session = stream(
    call, pod, "default", stdin=reads == "stdin", stdout=True, stderr=not tty, tty=tty, _preload_content=False, **asked
)
if tty:
    session.write_channel(4, json.dumps({"Width": 100, "Height": 30}))
if reads == "stdin":
    session.write_stdin(sys.stdin.read())
output = {"stdout": "", "stderr": ""}
while session.is_open():
    session.update(timeout=1)
    if session.peek_stdout():
        output["stdout"] += session.read_stdout()
    if session.peek_stderr():
        output["stderr"] += session.read_stderr()
print(json.dumps({**output, "code": session.returncode}))
