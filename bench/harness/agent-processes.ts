import { readdir, readFile } from "node:fs/promises";

/** Clock ticks of the kernel in a second, as `/proc` counts CPU time. The same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Processes of these pods that read their program from standard input. None if the pods run on another machine. */
export async function agentProcesses(pods: readonly string[]): Promise<readonly number[]> {
  const found: number[] = [];
  for (const entry of await readdir("/proc").catch(() => [])) {
    const [environment, command] = await Promise.all(
      ["environ", "cmdline"].map((file) => readFile(`/proc/${entry}/${file}`, "utf8").catch(() => "")),
    );
    const pod = /(?:^|\0)HOSTNAME=([^\0]*)/.exec(environment ?? "")?.[1];
    if (pod !== undefined && pods.includes(pod) && /read -r l|open\(0,"rb"|readSync\(0,/.test(command ?? ""))
      found.push(Number(entry));
  }
  return found;
}

/** Milliseconds of CPU that these processes have taken, with those that they started and waited for. */
export async function cpuOf(pids: readonly number[]): Promise<number> {
  const times = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
      // The name of the program may contain blanks and parentheses.
      const fields = stat.slice(stat.lastIndexOf(") ") + 2).split(" ");
      return [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field] ?? 0), 0);
    }),
  );
  return (times.reduce((sum, each) => sum + each, 0) * 1000) / TICKS_PER_SECOND;
}
