// Part of the agent and of the runner of commands, whose answers are compared. The program that follows defines `fs`.

// Fields of a process, from its state on: its name may hold blanks and parentheses.
function statWords(path) {
  const text = fs.readFileSync(path, "latin1");
  return text.slice(text.lastIndexOf(") ") + 2).split(" ");
}

// Words of the lines of the mount table; none where it cannot be read.
function mountLines() {
  try {
    return fs
      .readFileSync("/proc/self/mountinfo", "latin1")
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split(" "));
  } catch {
    return [];
  }
}

// Changes with every start of the container: its termination log, or the start of its first process since the boot.
// oxlint-disable-next-line no-unused-vars -- The program that follows calls it.
function incarnation() {
  try {
    for (const words of mountLines()) if (words[4] === "/dev/termination-log") return words[3];
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim() + ":" + statWords("/proc/1/stat")[19];
  } catch {
    return "-";
  }
}
