import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { restartAction } from "../../src/mapping/action.ts";
import type { RestartAction } from "../../src/contract/action.ts";
import { stepsOf } from "../../src/sync/actions/steps.ts";
import { SHELLS } from "./support/shells.ts";
import { ended, type Ended } from "./support/wrapped.ts";

let folder: string;
let server: ChildProcess;
let received: Promise<string>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "kinsync-signal-"));
  const script = join(folder, "kinsync-test-server.cjs");
  writeFileSync(
    script,
    `process.on("SIGUSR1", () => console.log("got USR1")); setInterval(() => {}, 1000); console.log("ready")`,
  );
  server = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  const line = (): Promise<string> =>
    new Promise((resolve) => server.stdout?.once("data", (data: Buffer) => resolve(data.toString().trim())));
  await line();
  received = line();
  writeFileSync(join(folder, "server.pid"), `${server.pid ?? 0}\n`);
});

afterEach(() => {
  server.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

describe.each(SHELLS.map((shell) => ({ name: shell.join(" "), shell })))("in $name", ({ shell }) => {
  /** As a session runs it. */
  async function send(restart: RestartAction): Promise<Ended> {
    const [step] = stepsOf(restartAction(restart), "");
    const [, ...words] = (step?.command ?? []) as readonly string[];
    const [program = "", ...options] = shell;
    return await ended(spawn(program, [...options, ...words]));
  }

  test("a process gets a signal by the name of its script", async () => {
    expect(await send({ signal: "USR1", process: "kinsync-test-server.cjs" })).toEqual({
      code: 0,
      output: `sent USR1 to process ${server.pid}\n`,
    });
    expect(await received).toBe("got USR1");
  });

  test("a process gets a signal by its PID file", async () => {
    expect(await send({ signal: "USR1", pidFile: join(folder, "server.pid") })).toMatchObject({ code: 0 });
    expect(await received).toBe("got USR1");
  });

  test.each([
    [{ process: "no-such-process-$(echo x)" }, "no process no-such-process-$(echo x) runs in this container"],
    [{ pidFile: "/no/such.pid" }, "/no/such.pid is missing or cannot be read"],
    [{ pidFile: "/etc/hostname" }, "/etc/hostname does not begin with the ID of a process"],
  ])("where there is no process, the message says so: %o", async (chosen, message) => {
    const result = await send({ signal: "USR1", ...chosen });
    expect(result).toMatchObject({ code: 96, output: expect.stringContaining(message) });
  });

  test("a signal that process 1 does not handle is refused with what would make it possible", async () => {
    // This is not a container: the first process of this machine handles no such signal, or belongs to root.
    const result = await send({ signal: "URG" });
    expect(result).toMatchObject({
      code: 96,
      output: expect.stringMatching(/process 1 does not handle URG|process 1 did not get URG/),
    });
  });
});
