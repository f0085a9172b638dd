import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestCluster } from "./support/cluster.ts";
import { ended } from "./support/run.ts";

const BIN = fileURLToPath(new URL("../bin/kinsync.mjs", import.meta.url));
const RECORD = new URL("support/record-connections.mjs", import.meta.url).href;

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
});

afterAll(() => cluster[Symbol.asyncDispose]());

/** Addresses that a command line connects to or looks up. */
async function connectionsOf(line: string): Promise<readonly string[]> {
  const file = await cluster.place.write("connections", "");
  const args = ["--import", RECORD, "--conditions=kinsync:source", BIN, ...line.split(" ")];
  const env = { HOME: cluster.place.path, PATH: process.env["PATH"], CONNECTIONS: file };
  const child = spawn(process.execPath, args, {
    cwd: cluster.place.path,
    env: { ...env, KUBECONFIG: cluster.playground.kubeconfigPath },
  });
  const { code, stdout, stderr } = await ended(child);
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: "" });
  return [...new Set((await readFile(join(cluster.place.path, "connections"), "utf8")).split("\n").filter(Boolean))];
}

test.each(["sync pod/app --sync src:src", "tree pod/app", "doctor pod/app --sync src:src", "rbac pod/app"])(
  "%s connects to the API server and to nothing else",
  async (line) => {
    const { host } = new URL(/^ *server: (.*)$/m.exec(cluster.playground.kubeconfig)?.[1] ?? "");
    expect(await connectionsOf(line)).toEqual([host]);
  },
);

test.each(["--help", "--version"])("%s connects to nothing", async (line) => {
  expect(await connectionsOf(line)).toEqual([]);
});
