// Part of the agent. The program that follows defines `fs` and calls these functions.

// The two words by which a later session finds this process.
// oxlint-disable-next-line no-unused-vars -- The program that follows calls it.
function identity() {
  try {
    return [process.pid, statWords("/proc/self/stat")[19]];
  } catch {
    return [];
  }
}

// It may move large files to where the next claim finds them. Its end is a file of /proc that cannot be read.
function waitForEnd(id, start) {
  const deadline = Date.now() + 1000;
  while (Date.now() < deadline && statWords("/proc/" + id + "/stat")[19] === start) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }
}

// Ends agents that earlier sessions of the same run left in the container, with the processes that they started. The start of a
// process shows whether it is still that one.
// oxlint-disable-next-line no-unused-vars -- The program that follows calls it.
function endFormerAgents(agents) {
  for (const [id, start, name] of agents) {
    try {
      if (statWords("/proc/" + id + "/stat")[19] !== start) continue;
      try {
        process.kill(-id, "SIG" + name);
      } catch {
        process.kill(id, "SIG" + name);
      }
      waitForEnd(id, start);
    } catch {
      // It has ended.
    }
  }
}
