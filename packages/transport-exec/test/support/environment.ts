import { mkdirSync, mkdtempSync, realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Session, TransportPlugin } from "@kinsync/core/contract";
import { localFileAccess, type TransportEnvironment } from "@kinsync/core/testing";
import { exec, type ExecOptions } from "../../src/index.ts";
import type { Make } from "./containers.ts";
import { FakeCluster } from "./fake-cluster.ts";

/** Commands for a container without a shell. */
const COMMANDS = {
  node: {
    echo: ["node", "-e", `process.stdout.write("out\\n"); process.stderr.write("err\\n"); process.exitCode = 3`],
    sleep: ["node", "-e", `console.log("begun"); setTimeout(() => {}, 60000)`],
  },
  python3: {
    echo: ["python3", "-c", `import sys; print("out", flush=True); print("err", file=sys.stderr); sys.exit(3)`],
    sleep: ["python3", "-c", `import time; print("begun", flush=True); time.sleep(60)`],
  },
};

/** A container of one make, in a temporary folder. */
export interface LocalEnvironment extends TransportEnvironment {
  readonly cluster: FakeCluster;
  readonly transport: TransportPlugin<Required<Omit<Session, "seen">>>;
}

export async function makeLocalEnvironment(
  make: Make,
  options: ExecOptions = {},
  protocol = "v5.channel.k8s.io",
): Promise<LocalEnvironment> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "kinsync-exec-")));
  const folder = join(base, "app");
  mkdirSync(folder);
  const cluster = new FakeCluster(
    {
      cwd: folder,
      path: make.path(base),
      shell: make.shell,
      ...(make.enter === undefined ? {} : { enter: make.enter }),
    },
    protocol,
  );
  return {
    transport: exec({ agents: [make.runtime], ...options }),
    cluster,
    target: cluster.target,
    folder,
    ...(make.shell.length === 0 && make.runtime !== "sh" ? { commands: COMMANDS[make.runtime] } : {}),
    ...localFileAccess((path) => path),
    async restart() {
      cluster.containerId = "containerd://bbbb";
      cluster.killAll();
    },
    async breakConnection() {
      cluster.dropAll();
    },
    stall: () => cluster.stall(),
    cutNext({ sent, received }) {
      cluster.cutNext = { ...(sent === undefined ? {} : { sent }), ...(received === undefined ? {} : { received }) };
    },
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await rm(base, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
