import { KubeConfig } from "@kubernetes/client-node";
import { expect, test } from "vitest";
import { openCluster } from "../../src/project/open-cluster.ts";
import { errorOf, makeFolder } from "../cluster/support/kubeconfig-file.ts";

const signal = new AbortController().signal;

function handed(context: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: "c", server: "https://handed:1", skipTLSVerify: false }, { name: "u" });
  config.contexts = [{ name: context, cluster: "c", user: "u", namespace: "ml" }];
  config.setCurrentContext(context);
  return config;
}

test("cluster of the config logs in in place of the kubeconfig", async () => {
  const cluster = async () => handed("own");
  await using connection = await openCluster({ cluster, workloads: [] }, { cwd: "/", env: {} }, signal);
  expect([connection.context, connection.namespace, connection.server]).toEqual(["own", "ml", "https://handed:1"]);
});

test("a kubeconfig on the command line takes precedence over cluster of the config", async () => {
  await using folder = await makeFolder();
  const kubeconfig = await folder.write("config", {
    "current-context": "file",
    contexts: [{ name: "file", context: { cluster: "c" } }],
    clusters: [{ name: "c", cluster: { server: "https://file:1" } }],
  });
  const options = { cwd: "/", env: {}, kubeconfig };
  await using connection = await openCluster({ cluster: () => handed("own"), workloads: [] }, options, signal);
  expect(connection.context).toBe("file");
});

test.for([
  [
    "throws",
    () => {
      throw new Error("no luck");
    },
    "no luck",
  ],
  ["returns something else", () => ({}) as never, "not a KubeConfig"],
] as const)("cluster of the config that %s is an error of the config", async ([, cluster, words]) => {
  const error = await errorOf(openCluster({ cluster, workloads: [] }, { cwd: "/", env: {} }, signal));
  expect(error.code).toBe("KINSYNC_CONFIG_INVALID");
  expect(error.message).toContain(words);
});
