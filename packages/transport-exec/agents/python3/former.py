# Part of the agent. `os` and `signal` are imported by the program that follows, too: this text runs first.
import os
import signal
import time

END_SECONDS = 1


def process_start(process):
    """When a process started, in ticks since the boot: with its ID it identifies the process."""
    with open("/proc/%d/stat" % process, "rb") as file:
        return file.read().rpartition(b") ")[2].split()[19]


def identity():
    """The two words by which a later session finds this process."""
    try:
        return [str(os.getpid()).encode(), process_start(os.getpid())]
    except OSError:
        return []


def wait_for_end(process, start):
    """It may move large files to where the next claim finds them. Its end is a file of /proc that cannot be read."""
    deadline = time.time() + END_SECONDS
    while time.time() < deadline and process_start(process) == start:
        time.sleep(0.005)


def end_former_agents(agents):
    """Ends agents that earlier sessions of the same run left in the container, with the processes that they started."""
    for process, start, name in agents:
        try:
            if process_start(process) != start:
                continue
            try:
                os.killpg(process, getattr(signal, "SIG" + name))
            except OSError:
                os.kill(process, getattr(signal, "SIG" + name))
            wait_for_end(process, start)
        except OSError:
            pass


end_former_agents(FORMER_AGENTS)


