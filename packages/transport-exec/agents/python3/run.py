# Runs one command in a container without a shell and reports its exit code in band. What it starts itself it waits for.
# The program that starts it defines, in front of this text:
#   I              the standard input, buffered
#   SESSION_TOKEN  bytes that begin the line that reports the container
#   incarnation, of incarnation.py
#
# First writes `TOKEN= INCARNATION`, then reads a line with a length and so many bytes: the word before the exit code, and the
# argv, separated by NUL. Any further input, or its end, ends the command with its process group.
import os
import signal
import subprocess
import sys
import threading
import time


def end_command(number):
    try:
        if os.getpgrp() == os.getpid():
            os.killpg(0, number)
        else:
            child.send_signal(number)
    except OSError:
        pass


def watch_input():
    I.read(1)
    end_command(signal.SIGTERM)
    time.sleep(1)
    end_command(signal.SIGKILL)


os.write(1, SESSION_TOKEN + b"= " + incarnation() + b"\n")
head = I.readline()
if not head:
    sys.exit(0)
words = I.read(int(head)).split(b"\0")
signal.signal(signal.SIGTERM, lambda *_: None)
try:
    child = subprocess.Popen(words[1:], stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
except OSError as error:
    os.write(1, ("%s: %s\n" % (os.fsdecode(words[1]), error.strerror)).encode())
    code = 127
else:
    threading.Thread(target=watch_input, daemon=True).start()
    code = child.wait()
    if code < 0:
        code = 128 - code
os.write(1, b"\n" + words[0] + b" " + str(code).encode() + b"\n")
os._exit(0)
