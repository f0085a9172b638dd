import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SHELLS } from "./support/shells.ts";
import { ended, Wrapped } from "./support/wrapped.ts";

const TIMEOUT_MS = 40_000;
/** Writes what it was started with, and waits. */
const SERVER = 'cat "$FOLDER/code" >>"$FOLDER/ran"; echo ready; while :; do sleep 0.1; done';

/** The shell of a container with busybox alone has another `env`. */
function canReset([shell = "sh", ...words]: readonly string[]): boolean {
  return spawnSync(shell, [...words, "-c", "env --default-signal=INT,QUIT true"]).status === 0;
}

describe.each(SHELLS.map((shell) => ({ name: shell.join(" "), shell })))("in $name", ({ shell }) => {
  test(
    "the exit code of the command is that of the wrapper, and its output passes",
    { timeout: TIMEOUT_MS },
    async () => {
      for (const code of [0, 1, 3, 255]) {
        await using wrapped = new Wrapped(shell, ["sh", "-c", `echo out; echo err >&2; exit ${code}`]);
        expect(await wrapped.ended).toBe(code);
        expect(wrapped.output.split("\n").toSorted()).toEqual(["", "err", "out"]);
      }
    },
  );

  test("words of the command are not interpreted", { timeout: TIMEOUT_MS }, async () => {
    await using wrapped = new Wrapped(shell, ["printf", "<%s>", "a b", "$HOME", "*", "", `"'`]);
    expect(await wrapped.ended).toBe(0);
    expect(wrapped.output).toBe(`<a b><$HOME><*><><"'>`);
  });

  test("a command that does not exist ends the wrapper as in a shell", { timeout: TIMEOUT_MS }, async () => {
    await using wrapped = new Wrapped(shell, ["/no/such/program"]);
    expect(await wrapped.ended).toBe(127);
  });

  test.each(["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2"] as const)(
    "%s reaches the command, and the exit code that follows is passed on",
    { timeout: TIMEOUT_MS },
    async (signal) => {
      const program = `process.on("${signal}", () => process.exit(42)); console.log("ready"); setInterval(() => {}, 1000);`;
      await using wrapped = new Wrapped(shell, [process.execPath, "-e", program]);
      await wrapped.until(() => wrapped.output.includes("ready"), "ready");
      wrapped.kill(signal);
      expect(await wrapped.ended).toBe(42);
    },
  );

  test.runIf(canReset(shell))(
    "INT reaches a script that handles it, where the container has the `env` of GNU",
    { timeout: TIMEOUT_MS },
    async () => {
      const script = "trap 'echo handled; exit 7' INT; echo ready; while :; do sleep 0.1; done";
      await using wrapped = new Wrapped(shell, ["sh", "-c", script]);
      await wrapped.until(() => wrapped.output.includes("ready"), "ready");
      wrapped.kill("SIGINT");
      expect(await wrapped.ended).toBe(7);
      expect(wrapped.output).toContain("handled");
    },
  );

  test.each(["SIGTERM", "SIGINT"] as const)(
    "a command without a handler ends with %s",
    { timeout: TIMEOUT_MS },
    async (signal) => {
      await using wrapped = new Wrapped(shell, ["sleep", "60"]);
      await wrapped.until(() => existsSync(join(wrapped.folder, "control/state")), "started");
      wrapped.kill(signal);
      expect(await wrapped.ended).toBeGreaterThan(128);
    },
  );

  test("stop and start run the new code in the same wrapper", { timeout: TIMEOUT_MS }, async () => {
    await using wrapped = new Wrapped(shell, ["sh", "-c", SERVER]);
    writeFileSync(join(wrapped.folder, "code"), "one\n");
    await wrapped.until(() => wrapped.output.includes("ready"), "ready");
    for (const code of ["two", "three"]) {
      const stopped = await wrapped.request("stop");
      expect(stopped).toMatchObject({ code: 0, output: expect.stringContaining("stopped: exit code 143") });
      const before = wrapped.read("ran");
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(wrapped.read("ran")).toBe(before);
      writeFileSync(join(wrapped.folder, "code"), `${code}\n`);
      expect(await wrapped.request("start")).toMatchObject({
        code: 0,
        output: expect.stringMatching(/^started process \d+\n$/),
      });
    }
    expect(wrapped.read("ran").split("\n").slice(-3)).toEqual(["two", "three", ""]);
    expect(wrapped.isRunning).toBe(true);
  });

  test(
    "a process that ignores TERM, and what it started, are killed after the grace period",
    { timeout: TIMEOUT_MS },
    async () => {
      const program = 'trap "" TERM; sleep 60 & echo $! >"$FOLDER/orphan"; echo ready; while :; do sleep 0.1; done';
      await using wrapped = new Wrapped(shell, ["sh", "-c", program]);
      await wrapped.until(() => wrapped.output.includes("ready"), "ready");
      const began = performance.now();
      expect(await wrapped.request("stop", { grace: 1_000 })).toMatchObject({
        code: 0,
        output: expect.stringContaining("stopped: exit code 137"),
      });
      expect(performance.now() - began).toBeLessThan(8_000);
      const orphan = Number(wrapped.read("orphan"));
      await wrapped.until(() => !isAlive(orphan), "the orphan ended");
    },
  );

  test(
    "new code that fails at its start is reported with exit code and last lines, and the container stays",
    { timeout: TIMEOUT_MS },
    async () => {
      const program =
        '[ -e "$FOLDER/broken" ] && { echo "line one" >&2; echo "Traceback: no module x" >&2; exit 7; }; echo ready; sleep 60';
      await using wrapped = new Wrapped(shell, ["sh", "-c", program]);
      await wrapped.until(() => wrapped.output.includes("ready"), "ready");
      writeFileSync(join(wrapped.folder, "broken"), "");
      await wrapped.request("stop");
      expect(await wrapped.request("start")).toEqual({ code: 7, output: "line one\nTraceback: no module x\n" });
      expect(wrapped.output).toContain("Traceback: no module x");
      expect(wrapped.isRunning).toBe(true);
      await ended(spawn("rm", [join(wrapped.folder, "broken")]));
      expect(await wrapped.request("stop")).toMatchObject({ code: 0 });
      expect(await wrapped.request("start")).toMatchObject({ code: 0 });
      expect(wrapped.output.match(/ready/g)).toHaveLength(2);
    },
  );

  test(
    "a restarted process that ends later ends the container with its exit code",
    { timeout: TIMEOUT_MS },
    async () => {
      await using wrapped = new Wrapped(shell, ["sh", "-c", 'until [ -e "$FOLDER/end" ]; do sleep 0.1; done; exit 9']);
      await wrapped.until(() => existsSync(join(wrapped.folder, "control/state")), "started");
      await wrapped.request("stop");
      expect(await wrapped.request("start", { settle: 0 })).toMatchObject({ code: 0 });
      writeFileSync(join(wrapped.folder, "end"), "");
      expect(await wrapped.ended).toBe(9);
    },
  );

  test("a process that nobody starts again starts by itself", { timeout: TIMEOUT_MS }, async () => {
    await using wrapped = new Wrapped(shell, ["sh", "-c", "echo ready; sleep 60"], { KINSYNC_WRAPPER_WAIT: "1" });
    await wrapped.until(() => wrapped.output.includes("ready"), "ready");
    await wrapped.request("stop");
    await wrapped.until(() => wrapped.output.match(/ready/g)?.length === 2, "started again");
    expect(wrapped.output).toContain("kinsync did not start the process within 1 s");
    expect(await wrapped.request("start")).toMatchObject({ code: 0 });
    expect(wrapped.output.match(/ready/g)).toHaveLength(2);
  });

  describe("with KINSYNC_WRAPPER_HOLD", () => {
    const SERVE = ["sh", "-c", "echo ready; sleep 60"];
    const held = (wrapped: Wrapped): (() => boolean) => {
      return () => wrapped.read("control/state") === "held 0\n" && wrapped.read("control/wrapper") !== "";
    };

    test("the command starts when kinsync asks for it, and not before", { timeout: TIMEOUT_MS }, async () => {
      await using wrapped = new Wrapped(shell, SERVE, { KINSYNC_WRAPPER_HOLD: "60" });
      await wrapped.until(held(wrapped), "held");
      expect(await wrapped.request("held")).toEqual({ code: 0, output: "" });
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(wrapped.output).toBe("");
      expect(await wrapped.request("stop")).toEqual({ code: 0, output: "not started yet\n" });
      expect(await wrapped.request("held")).toEqual({ code: 0, output: "" });
      expect(await wrapped.request("start")).toMatchObject({ code: 0 });
      expect(wrapped.output).toBe("ready\n");
      expect(await wrapped.request("held")).toEqual({ code: 1, output: "" });
      expect(await wrapped.request("stop")).toMatchObject({ output: expect.stringContaining("stopped: exit code") });
      expect(await wrapped.request("held")).toEqual({ code: 1, output: "" });
    });

    test("a command that nobody starts starts by itself after that time", { timeout: TIMEOUT_MS }, async () => {
      await using wrapped = new Wrapped(shell, SERVE, { KINSYNC_WRAPPER_HOLD: "1" });
      await wrapped.until(() => wrapped.output.includes("ready"), "started by itself");
      expect(wrapped.output).toContain("kinsync did not start the process within 1 s");
      expect(await wrapped.request("held")).toEqual({ code: 1, output: "" });
    });

    test("TERM ends a wrapper whose command has not started", { timeout: TIMEOUT_MS }, async () => {
      await using wrapped = new Wrapped(shell, SERVE, { KINSYNC_WRAPPER_HOLD: "60" });
      await wrapped.until(held(wrapped), "held");
      wrapped.kill("SIGTERM");
      expect(await wrapped.ended).toBe(143);
      expect(wrapped.output).toBe("");
    });

    test("what is no number of seconds is named, and the command starts at once", { timeout: TIMEOUT_MS }, async () => {
      await using wrapped = new Wrapped(shell, SERVE, { KINSYNC_WRAPPER_HOLD: "1m" });
      await wrapped.until(() => wrapped.output.includes("ready"), "started");
      expect(wrapped.output).toContain("KINSYNC_WRAPPER_HOLD is no number of seconds: 1m");
    });
  });

  test("TERM ends a wrapper whose process is stopped", { timeout: TIMEOUT_MS }, async () => {
    await using wrapped = new Wrapped(shell, ["sleep", "60"]);
    await wrapped.until(() => existsSync(join(wrapped.folder, "control/state")), "started");
    await wrapped.request("stop");
    wrapped.kill("SIGTERM");
    expect(await wrapped.ended).toBe(143);
  });

  test("orphans are reaped while the process runs", { timeout: TIMEOUT_MS }, async () => {
    await using wrapped = new Wrapped(shell, ["sh", "-c", "sleep 60"]);
    await wrapped.until(() => existsSync(join(wrapped.folder, "control/state")), "started");
    expect(readFileSync(join(wrapped.folder, "control/state"), "utf8")).toMatch(/^running \d+\n$/);
    await wrapped.request("stop");
    await wrapped.request("start");
    expect(zombiesOf(Number(wrapped.read("control/wrapper")))).toEqual([]);
  });

  test(
    "without a folder to write, the command runs alone, and a request says what is missing",
    { timeout: TIMEOUT_MS },
    async () => {
      await using wrapped = new Wrapped(shell, ["sh", "-c", "echo ran; sleep 1"], {
        KINSYNC_WRAPPER_DIR: "/proc/none",
      });
      expect(await wrapped.request("held")).toEqual({ code: 2, output: "" });
      expect(await wrapped.request("stop")).toMatchObject({
        code: 96,
        output: expect.stringContaining("no kinsync wrapper runs in this container"),
      });
      expect(await wrapped.ended).toBe(0);
      expect(wrapped.output).toContain("set KINSYNC_WRAPPER_DIR");
      expect(wrapped.output).toContain("ran");
    },
  );
});

function isAlive(id: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${id}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** IDs of processes that ended and that this one has not reaped. */
function zombiesOf(parent: number): readonly string[] {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8").trim().split(" ");
  return children.filter((id) => id !== "" && !isAlive(Number(id)));
}
