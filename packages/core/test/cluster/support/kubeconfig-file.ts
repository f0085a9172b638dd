import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClusterConnection, KinsyncError } from "@kinsync/core/contract";
import { connectCluster, type ClusterOptions } from "@kinsync/core/cluster";
import { base64, pem } from "./api-server.ts";

export interface TestFolder extends AsyncDisposable {
  readonly path: string;
  write(name: string, text: string | object): Promise<string>;
  /** Writes a kubeconfig with one context and connects by it. */
  connect(parts: Parts, options?: Partial<ClusterOptions>): Promise<ClusterConnection>;
}

export interface Parts {
  readonly server: string;
  readonly cluster?: object;
  readonly user?: object;
}

export async function makeFolder(): Promise<TestFolder> {
  const path = await mkdtemp(join(tmpdir(), "kinsync-cluster-"));
  const write = async (name: string, text: string | object) => {
    const file = join(path, name);
    await writeFile(file, typeof text === "string" ? text : JSON.stringify(text), { mode: 0o600 });
    return file;
  };
  return {
    path,
    write,
    async connect(parts, options = {}) {
      const kubeconfig = await write("config", kubeconfigOf(parts));
      return await connectCluster({ env: { PATH: process.env["PATH"] }, kubeconfig, ...options });
    },
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
    },
  };
}

export function kubeconfigOf({ server, cluster, user }: Parts): object {
  const trust = server.startsWith("https") ? { "certificate-authority-data": base64(pem("ca.crt")) } : {};
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    contexts: [{ name: "test", context: { cluster: "c", user: "u", namespace: "ml" } }],
    clusters: [{ name: "c", cluster: { server, ...trust, ...cluster } }],
    users: [{ name: "u", user: { ...user } }],
  };
}

/** The KinsyncError that a promise ends with. */
export async function errorOf(promise: Promise<unknown>): Promise<KinsyncError> {
  try {
    await promise;
  } catch (error) {
    return error as KinsyncError;
  }
  throw new Error("there was no error");
}

/** A list of pods; for tests that ask for anything at all. */
export function get(connection: ClusterConnection, signal = AbortSignal.timeout(20_000)) {
  return connection.request({ path: "/api/v1/namespaces/ml/pods", signal });
}
