"""One process of a small distributed job: rank 0 leads, the others follow.

In each step every rank reports to rank 0 which version of the code it runs. All have to run the same one: a model that was trained by two
versions at once is worthless, and nothing shows it afterwards. Where they differ, rank 0 prints MIXED and the job ends with exit code 3;
with ON_MIXED=report it prints and goes on.

Environment: RANK (0 is the head), WORLD_SIZE (number of processes), HEAD_ADDRESS (host of rank 0), PORT (default 29500), STEP_SECONDS
(default 1), ON_MIXED (fail or report), RELOAD (1: a changed model.py is loaded before the next step, without a restart).
"""

import importlib
import json
import os
import socket
import sys
import time

import model

RANK = int(os.environ["RANK"])
WORLD_SIZE = int(os.environ["WORLD_SIZE"])
PORT = int(os.environ.get("PORT", "29500"))
STEP_SECONDS = float(os.environ.get("STEP_SECONDS", "1"))
ON_MIXED = os.environ.get("ON_MIXED", "fail")
RELOAD = os.environ.get("RELOAD") == "1"

# A peer that is silent for longer is gone.
SILENCE_SECONDS = 5
RETRY_SECONDS = 0.1


class Peer:
    """A connection that carries one JSON object a line."""

    def __init__(self, connection):
        connection.settimeout(SILENCE_SECONDS)
        self.connection = connection
        self.lines = connection.makefile("r")

    def send(self, message):
        self.connection.sendall((json.dumps(message) + "\n").encode())

    def receive(self):
        line = self.lines.readline()
        if not line.endswith("\n"):
            raise ConnectionError("the peer has closed the connection")
        return json.loads(line)

    def close(self):
        self.connection.close()


def say(text):
    print(text, flush=True)


def work(number):
    """Returns the version that did the step on this rank."""
    global loaded
    if RELOAD and os.stat(model.__file__).st_mtime_ns != loaded:
        loaded = os.stat(model.__file__).st_mtime_ns
        importlib.reload(model)
    return model.step(RANK, number)


loaded = os.stat(model.__file__).st_mtime_ns


def gather(listener, peers):
    """Waits until every other rank is connected. A rank that comes again replaces its former connection."""
    while len(peers) < WORLD_SIZE - 1:
        connection, _ = listener.accept()
        peer = Peer(connection)
        try:
            rank = peer.receive()["rank"]
        except (OSError, ValueError, KeyError):
            peer.close()
            continue
        if rank in peers:
            peers[rank].close()
        peers[rank] = peer


def step_of_all(number, peers):
    """Runs one step on every rank. Returns the version that each rank runs; ranks that are gone are removed from the peers."""
    for rank, peer in list(peers.items()):
        try:
            peer.send({"step": number})
        except OSError:
            peers.pop(rank).close()
    versions = {0: work(number)}
    for rank, peer in list(peers.items()):
        try:
            versions[rank] = peer.receive()["version"]
        except (OSError, ValueError, KeyError):
            peers.pop(rank).close()
    return versions


def lead():
    listener = socket.create_server(("", PORT))
    peers = {}
    number = 0
    while True:
        gather(listener, peers)
        number += 1
        versions = step_of_all(number, peers)
        if len(set(versions.values())) > 1:
            say(f"MIXED step {number}: " + ", ".join(f"rank {rank} runs {versions[rank]}" for rank in sorted(versions)))
            if ON_MIXED != "report":
                sys.exit(3)
        elif len(versions) == WORLD_SIZE:
            say(f"step {number}: all {WORLD_SIZE} ranks run {versions[0]}")
        time.sleep(STEP_SECONDS)


def follow():
    while True:
        try:
            peer = Peer(socket.create_connection((os.environ["HEAD_ADDRESS"], PORT), timeout=SILENCE_SECONDS))
            peer.connection.settimeout(None)
            peer.send({"rank": RANK})
            while True:
                number = peer.receive()["step"]
                peer.send({"version": work(number)})
        except OSError:
            # The head restarts, or is not there yet.
            time.sleep(RETRY_SECONDS)


say(f"rank {RANK} of {WORLD_SIZE} starts with {model.VERSION}")
if RANK == 0:
    lead()
else:
    follow()
