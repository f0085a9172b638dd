import { execFileSync } from "node:child_process";
import { delimiter, join } from "node:path";
import { mkdir, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { connectCluster, listContexts } from "@kinsync/core/cluster";
import { errorOf, makeFolder } from "../support/kubeconfig-file.ts";

function context(name: string, cluster = name, namespace?: string): object {
  return { name, context: { cluster, user: "u", ...(namespace === undefined ? {} : { namespace }) } };
}

function config(name: string, server: string): object {
  return {
    "current-context": name,
    contexts: [context(name)],
    clusters: [{ name, cluster: { server } }],
    users: [{ name: "u", user: { token: "t" } }],
  };
}

describe("a kubeconfig that is not right", () => {
  test("there is none at all", async () => {
    await using folder = await makeFolder();
    const error = await errorOf(connectCluster({ env: { HOME: folder.path } }));
    expect(error.code).toBe("KINSYNC_CLUSTER_KUBECONFIG");
    expect(error.message).toContain(join(folder.path, ".kube", "config"));
  });

  test("neither KUBECONFIG nor HOME is set", async () => {
    expect((await errorOf(connectCluster({ env: {} }))).message).toContain("neither KUBECONFIG nor HOME is set");
  });

  test("broken YAML is named with file and line, and nothing of it is shown", async () => {
    await using folder = await makeFolder();
    const file = await folder.write("config", "apiVersion: v1\nusers:\n- name: u\n  user: {token: hush-hush\n");
    const error = await errorOf(connectCluster({ env: {}, kubeconfig: file }));
    expect(error.code).toBe("KINSYNC_CLUSTER_KUBECONFIG");
    expect(error.message).toMatch(new RegExp(`${file}:[45] cannot be parsed`));
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain("hush");
  });

  test("it is a list", async () => {
    await using folder = await makeFolder();
    const file = await folder.write("config", "- a\n");
    expect((await errorOf(connectCluster({ env: {}, kubeconfig: file }))).message).toContain("not a mapping of keys");
  });

  test("it is a folder", async () => {
    await using folder = await makeFolder();
    expect((await errorOf(connectCluster({ env: {}, kubeconfig: folder.path }))).message).toContain("it is a folder");
  });

  test("the context is not in it: the nearest names come first", async () => {
    await using folder = await makeFolder();
    const names = ["production", "kind-train", "kind-dev", "staging"];
    const file = await folder.write("config", { contexts: names.map((name) => context(name)) });
    const error = await errorOf(connectCluster({ env: {}, kubeconfig: file, context: "kind-trian" }));
    expect(error.code).toBe("KINSYNC_CLUSTER_CONTEXT_UNKNOWN");
    expect(error.message).toContain('no context "kind-trian"');
    expect(error.hint).toMatch(/^Known contexts: kind-train, kind-dev/);
    expect(error.details["contexts"]).toEqual(names);
  });

  test("no context is current", async () => {
    await using folder = await makeFolder();
    const file = await folder.write("config", { contexts: [context("a"), context("b")], "current-context": "" });
    const error = await errorOf(connectCluster({ env: {}, kubeconfig: file }));
    expect(error.code).toBe("KINSYNC_CLUSTER_CONTEXT_UNKNOWN");
    expect(error.hint).toContain("--context a, b");
  });

  test("the current context is not among them", async () => {
    await using folder = await makeFolder();
    const file = await folder.write("config", { contexts: [context("a")], "current-context": "gone" });
    expect((await errorOf(connectCluster({ env: {}, kubeconfig: file }))).message).toContain('current-context "gone"');
  });

  test.each(["cluster", "user"])("the context names a %s that is not there", async (part) => {
    await using folder = await makeFolder();
    const whole = config("a", "https://a:6443");
    const file = await folder.write("config", { ...whole, [`${part}s`]: null });
    const error = await errorOf(connectCluster({ env: {}, kubeconfig: file }));
    expect(error.code).toBe("KINSYNC_CLUSTER_KUBECONFIG");
    expect(error.message).toContain(`names the ${part} "${part === "user" ? "u" : "a"}", which does not exist`);
  });

  test.each(["ftp://a", "https://", ""])("the server is %j", async (server) => {
    await using folder = await makeFolder();
    const file = await folder.write("config", config("a", server));
    const error = await errorOf(connectCluster({ env: {}, kubeconfig: file }));
    expect(error.message).toContain('The cluster "a" of the kubeconfig');
  });
});

describe("a kubeconfig that is right", () => {
  test("~/.kube/config is taken where KUBECONFIG is unset or empty", async () => {
    await using folder = await makeFolder();
    await mkdir(join(folder.path, ".kube"));
    await writeFile(join(folder.path, ".kube", "config"), JSON.stringify(config("home", "https://h:6443")));
    await using connection = await connectCluster({ env: { HOME: folder.path, KUBECONFIG: "" } });
    expect(connection.context).toBe("home");
  });

  test("several files: the first that names a thing wins, files that are missing are passed over", async () => {
    await using folder = await makeFolder();
    const first = await folder.write("1", {
      contexts: [context("shared", "here", "first")],
      clusters: [{ name: "here", cluster: { server: "https://here:1" } }],
    });
    const second = await folder.write("2", {
      "current-context": "shared",
      contexts: [context("shared", "there", "second"), context("other", "there")],
      clusters: [
        { name: "here", cluster: { server: "https://wrong:1" } },
        { name: "there", cluster: { server: "https://there:2" } },
      ],
      users: [{ name: "u", user: { token: "t" } }],
    });
    const env = { KUBECONFIG: [first, join(folder.path, "missing"), second].join(delimiter) };
    const found = await listContexts({ env });
    expect(found.current).toBe("shared");
    expect(found.contexts.map(({ name, server }) => [name, server])).toEqual([
      ["shared", "https://here:1"],
      ["other", "https://there:2"],
    ]);
    await using connection = await connectCluster({ env });
    expect([connection.server, connection.namespace]).toEqual(["https://here:1", "first"]);
  });

  test("credentials in the server's address are in no message and no list", async () => {
    await using folder = await makeFolder();
    const kubeconfig = await folder.write("config", config("a", "https://me:hush@a.example:6443/k8s/c-1/"));
    await using connection = await connectCluster({ env: {}, kubeconfig });
    expect(connection.server).toBe("https://a.example:6443/k8s/c-1");
    expect(JSON.stringify(await listContexts({ env: {}, kubeconfig }))).not.toContain("hush");
  });

  test("YAML with anchors, comments, nulls and unquoted numbers", async () => {
    await using folder = await makeFolder();
    const kubeconfig = await folder.write(
      "config",
      `# mine
apiVersion: v1
current-context: 1
preferences: {}
contexts: [{name: 1, context: {cluster: c, user: u, namespace: null}}]
clusters:
- name: c
  cluster: &base
    server: https://c:6443
- name: d
  cluster: {<<: *base, tls-server-name: x}
users:
- name: u
  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, args: null, env: null,
    interactiveMode: Never}}
`,
    );
    await using connection = await connectCluster({ env: {}, kubeconfig });
    expect([connection.context, connection.namespace, connection.server]).toEqual(["1", "default", "https://c:6443"]);
  });

  test.for(["utf-16le", "utf-16be", "utf-8 with a mark"])("a file in %s, as PowerShell writes it", async (encoding) => {
    await using folder = await makeFolder();
    const text = `\uFEFF${JSON.stringify(config("a", "https://a:1"))}`;
    const bytes = Buffer.from(text, encoding === "utf-8 with a mark" ? "utf8" : "utf16le");
    const kubeconfig = join(folder.path, "config");
    await writeFile(kubeconfig, encoding === "utf-16be" ? bytes.swap16() : bytes);
    await using connection = await connectCluster({ env: {}, kubeconfig });
    expect(connection.server).toBe("https://a:1");
  });

  test("a kubeconfig that comes through a pipe is read once", async () => {
    await using folder = await makeFolder();
    const kubeconfig = join(folder.path, "pipe");
    execFileSync("mkfifo", [kubeconfig]);
    const written = writeFile(kubeconfig, JSON.stringify(config("a", "https://a:1")));
    await using connection = await connectCluster({ env: {}, kubeconfig });
    await written;
    expect(connection.server).toBe("https://a:1");
  });

  test("the namespace of the options counts more than that of the context", async () => {
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: "https://a" }, { namespace: "mine" });
    expect([connection.namespace, connection.server]).toEqual(["mine", "https://a:443"]);
  });
});

describe("inside a pod", () => {
  const env = { KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "443" };

  test("without a kubeconfig the service account is taken", async () => {
    await using folder = await makeFolder();
    await folder.write("token", "t");
    await folder.write("namespace", "ml\n");
    const options = { env: { ...env, HOME: folder.path }, serviceAccount: folder.path };
    await using connection = await connectCluster(options);
    expect([connection.context, connection.server, connection.namespace]).toEqual([
      "in-cluster",
      "https://10.0.0.1:443",
      "ml",
    ]);
    expect(await listContexts(options)).toMatchObject({ current: "in-cluster", contexts: [{ name: "in-cluster" }] });
  });

  test("a kubeconfig counts more, and `in-cluster` can still be named", async () => {
    await using folder = await makeFolder();
    await folder.write("token", "t");
    const KUBECONFIG = await folder.write("config", config("a", "https://a:1"));
    const options = { env: { ...env, KUBECONFIG }, serviceAccount: folder.path };
    await using first = await connectCluster(options);
    await using second = await connectCluster({ ...options, context: "in-cluster" });
    expect([first.context, second.context]).toEqual(["a", "in-cluster"]);
  });

  test("without a service account there is no kubeconfig", async () => {
    await using folder = await makeFolder();
    const error = await errorOf(connectCluster({ env: { ...env, HOME: folder.path }, serviceAccount: folder.path }));
    expect(error.code).toBe("KINSYNC_CLUSTER_KUBECONFIG");
  });
});
