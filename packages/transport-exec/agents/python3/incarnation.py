# Part of the agent and of the runner of commands, whose answers are compared.


def incarnation():
    """Changes with every start of the container: its termination log, or the start of its first process since the boot."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            for line in file:
                words = line.split(b" ")
                if words[4] == b"/dev/termination-log":
                    return words[3]
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            boot = file.read().strip()
        with open("/proc/1/stat", "rb") as file:
            return boot + b":" + file.read().rpartition(b") ")[2].split()[19]
    except OSError:
        return b"-"


