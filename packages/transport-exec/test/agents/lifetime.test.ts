import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { startBareAgent, TOKEN } from "../support/bare-agent.ts";
import { MAKES } from "../support/containers.ts";

/** Processes of a session, which the process of an exec leads. */
function processesOf(session: number): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/stat`, "latin1");
        return Number(status.slice(status.lastIndexOf(") ") + 2).split(" ")[3]) === session;
      } catch {
        return false;
      }
    });
}

const ping = { sh: "pg 1\n", python3: "ping 1 0\n", node: "ping 1 0\n" } as const;

describe.each(MAKES)("the agent of a container with $name", (make) => {
  test("ends when nobody speaks, but not before", async () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "kinsync-agent-")));
    await using agent = startBareAgent(make, folder, make.path(folder), 3);
    expect(await agent.line()).toMatch(/^= 1 /);
    // Somebody speaks for longer than it may be idle.
    for (let count = 0; count < 5; count += 1) {
      await sleep(1_000);
      agent.write(ping[make.runtime]);
      expect(await agent.answer()).toHaveLength(1);
    }
    const began = performance.now();
    await agent.ended;
    expect(performance.now() - began).toBeGreaterThan(1_900);
    expect(performance.now() - began).toBeLessThan(15_000);
    await expect.poll(() => processesOf(agent.pid)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  test("ends with its input, and leaves no process and no zombie", async () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "kinsync-agent-")));
    await using agent = startBareAgent(make, folder, make.path(folder));
    await agent.line();
    agent.end();
    expect(await agent.ended).toBe(0);
    await expect.poll(() => processesOf(agent.pid)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  test("has its token in no argument and no environment of its processes", async () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "kinsync-agent-")));
    await using agent = startBareAgent(make, folder, make.path(folder));
    await agent.line();
    for (const pid of [agent.pid, ...processesOf(agent.pid)]) {
      for (const file of ["cmdline", "environ"]) {
        expect(readFileSync(`/proc/${pid}/${file}`, "latin1")).not.toContain(TOKEN);
      }
    }
    rmSync(folder, { recursive: true });
  });
});

// A shell that was just forked notes a signal with the handler of its parent, and forgets the note when it drops the parent's traps.
test("the agent sh ends its helpers by no signal that it traps itself", () => {
  const text = readFileSync(join(import.meta.dirname, "../../agents/sh/agent.sh"), "utf8");
  const trapped = [...text.matchAll(/^trap \S+ (.+)$/gm)].flatMap(([, signals = ""]) => signals.split(" "));
  const sent = [...text.matchAll(/(?:kill -|tell_watcher )([A-Z]+[0-9]*)(?: \$ticker_id)?$/gm)].map(
    ([, signal]) => signal,
  );
  expect(trapped).toEqual(["TERM"]);
  expect(sent).toEqual(expect.arrayContaining(["USR1", "HUP", "USR2"]));
  expect(sent.filter((signal) => signal !== undefined && trapped.includes(signal))).toEqual([]);
});
