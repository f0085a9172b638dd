import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectCluster } from "@kinsync/core/cluster";
import { run } from "../../e2e/harness/command.ts";
import type { BenchCluster } from "./bench-cluster.ts";
import type { Link } from "./far-link-process.ts";
import { end } from "./measured-process.ts";

/** The same cluster behind a link that delays and limits. What the benchmark itself does with its pods still goes directly. */
export async function openFarCluster(near: BenchCluster, link: Omit<Link, "host" | "port">): Promise<BenchCluster> {
  const { server } = near.connection;
  const { protocol, hostname, port: serverPort } = new URL(server);
  const relay = fork(new URL("far-link-process.ts", import.meta.url), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const folder = await mkdtemp(join(tmpdir(), "kinsync-bench-"));
  const close = async (): Promise<void> => {
    relay.disconnect();
    await end(relay);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    relay.send({
      ...link,
      host: hostname,
      port: Number(serverPort || (protocol === "http:" ? 80 : 443)),
    } satisfies Link);
    const [port] = (await once(relay, "message")) as [number];
    const kubeconfig = join(folder, "kubeconfig");
    await writeFile(kubeconfig, throughProxy(await flattened(near), port), { mode: 0o600 });
    const { context, namespace } = near;
    const connection = await connectCluster({ env: process.env, kubeconfig, context });
    const kubectl: BenchCluster["kubectl"] =
      near.kubectl === undefined
        ? undefined
        : [near.kubectl[0], "--kubeconfig", kubeconfig, "--context", context, "--namespace", namespace];
    return {
      ...near,
      kubeconfig,
      connection,
      kubectl,
      async [Symbol.asyncDispose]() {
        await connection[Symbol.asyncDispose]();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A kubeconfig in YAML whose clusters are reached through a SOCKS proxy on this port: TLS and the name of the server stay as they are. */
function throughProxy(kubeconfig: string, port: number): string {
  return kubeconfig.replaceAll(/^( +)server: .*$/gm, `$&\n$1proxy-url: socks5://127.0.0.1:${port}`);
}

/** The kubeconfig with the content of the files that it names. */
async function flattened({ kubectl, kubeconfig }: BenchCluster): Promise<string> {
  if (kubectl === undefined) return readFile(kubeconfig, "utf8");
  return run([kubectl[0], "--kubeconfig", kubeconfig, "config", "view", "--raw", "--flatten"]);
}
