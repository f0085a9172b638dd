import { execFile } from "node:child_process";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { credentialTerminal } from "../../src/setup/credential-terminal.ts";
import { TestCluster } from "../support/cluster.ts";
import { BIN } from "../support/run.ts";
import { readIn } from "../support/playground.ts";

function terminalOf(isTTY: boolean | undefined) {
  const log: string[] = [];
  const terminal = credentialTerminal(
    { stdin: Object.assign(Readable.from([]), { isTTY }), stderr: { write: (text) => log.push(text) } },
    { hold: () => log.push("hold"), release: () => log.push("release") },
  );
  return { terminal, log };
}

test.each([false, undefined])("a standard input that is no terminal (%s) is lent to no plugin", (isTTY) => {
  expect(terminalOf(isTTY).terminal).toBeUndefined();
  expect(credentialTerminal({ stderr: { write: () => undefined } })).toBeUndefined();
});

test("while a plugin has the terminal, nothing else is drawn, and its text is shown without control characters", () => {
  const { terminal, log } = terminalOf(true);
  {
    using _lent = terminal?.lend();
    terminal?.onOutput("open \u001B[31mhttps://login.example\u001B[0m\ncode ABC\n");
  }
  expect(log).toEqual(["hold", "open https://login.example\ncode ABC\n", "release"]);
});

/** Runs a program on a pseudo-terminal, answers its first prompt, and prints what the terminal showed and the exit code. */
const PTY = `
import os, pty, select, sys, time
prompt, answer, argv = sys.argv[1].encode(), sys.argv[2].encode(), sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
shown, answered, end = b"", False, time.time() + 40
while time.time() < end:
    if select.select([fd], [], [], 0.2)[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    if not answered and prompt in shown:
        answered = True
        os.write(fd, answer + b"\\n")
else:
    os.kill(pid, 9)
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
print("\\nEXIT", os.waitstatus_to_exitcode(status))
`;

const hasPty = process.platform !== "win32" && (await isThere("python3"));
let cluster: TestCluster | undefined;

beforeAll(async () => {
  if (hasPty) cluster = await TestCluster.start();
});

afterAll(() => cluster?.[Symbol.asyncDispose]());

async function isThere(program: string): Promise<boolean> {
  return await promisify(execFile)(program, ["-c", "import pty"]).then(
    () => true,
    () => false,
  );
}

test.runIf(hasPty)("on a terminal, a plugin that prompts gets the answer, and the sync goes on", async () => {
  if (cluster === undefined) throw new Error("there is no cluster");
  const { playground, place } = cluster;
  // Gives the token that its user types.
  await place.write(
    "ask.sh",
    'printf "Code: " >&2; read -r code\n' +
      `printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "$code"\n`,
  );
  const kubeconfig = playground.kubeconfig.replace(
    /^( *)token: .*$/m,
    (_line, indent: string) =>
      `${indent}exec: { apiVersion: client.authentication.k8s.io/v1, command: sh, args: [ask.sh], interactiveMode: Always }`,
  );
  const path = await place.write("kubeconfig", kubeconfig);
  const line = [process.execPath, "--conditions=kinsync:source", BIN, "sync", "pod/app", "--sync", "src:asked"];
  const env = { HOME: place.path, PATH: process.env["PATH"], KUBECONFIG: path, TERM: "xterm" };
  const { stdout } = await promisify(execFile)("python3", ["-c", PTY, "Code: ", playground.token, ...line], {
    cwd: place.path,
    env,
  });
  expect(stdout).toContain("Code: ");
  expect(stdout).toMatch(/EXIT 0\s*$/);
  expect(await readIn(playground, "app", "asked/main.py")).toBe("print(1)\n");
});

test.runIf(hasPty)("in a pipe, the same plugin is refused with the way out", async () => {
  if (cluster === undefined) throw new Error("there is no cluster");
  const { code, stderr } = await cluster.place.runBin(["tree", "pod/app"], {
    env: { KUBECONFIG: `${cluster.place.path}/kubeconfig` },
  });
  expect(stderr).toContain("needs to prompt its user, and there is no terminal");
  expect(stderr).toContain("Log in with it once in a terminal: kubectl get pods");
  expect(code).toBe(5);
});
