import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { createPlayground } from "@kinsync/playground";
import { createWorkplace, type Workplace } from "../support/run.ts";

const CONFIG = `
workloads:
  - workload: jobset/train
    sync: [{ from: src, to: /app/src, roles: [head] }]
  - workload: deploy/web
    sync: [{ from: src, to: /app/src }]
profiles:
  ci: { namespace: ci }
`;

const KUBECONFIG = `
apiVersion: v1
kind: Config
current-context: kind-dev
clusters: [{ name: c, cluster: { server: "https://127.0.0.1:1" } }]
users: [{ name: u, user: {} }]
contexts:
  - { name: kind-dev, context: { cluster: c, user: u } }
  - { name: "arn:aws:eks:eu-west-1:1234:cluster/prod", context: { cluster: c, user: u } }
  - { name: "$(touch harmed)", context: { cluster: c, user: u } }
`;

/** What is offered for the last word, without descriptions. */
async function offered(place: Workplace, words: readonly string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await place.run(["complete", "--", ...words], {
    env: { KUBECONFIG: join(place.path, "kubeconfig"), ...env },
  });
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split("\n");
  return { names: lines.slice(0, -1).map((line) => line.split("\t")[0]), files: lines.at(-1) === ":0" };
}

async function workplace(): Promise<Workplace> {
  return await createWorkplace({ "src/a.txt": "1", "kinsync.config.yaml": CONFIG, kubeconfig: KUBECONFIG });
}

test("commands, options and the choices of an option are completed", async () => {
  await using place = await workplace();
  expect((await offered(place, ["s"])).names).toEqual(["sync", "status"]);
  expect((await offered(place, [""])).names).toEqual(expect.arrayContaining(["up", "sync", "plan", "init", "clean"]));
  expect((await offered(place, [""])).names).not.toContain("complete");
  expect((await offered(place, ["logs", "--f"])).names).toEqual(["--follow"]);
  expect((await offered(place, ["forward", "--a"])).names).toEqual(expect.arrayContaining(["--address"]));
  expect((await offered(place, ["pull", "--o"])).names).toEqual(expect.arrayContaining(["--overwrite"]));
  expect((await offered(place, ["config", ""])).names).toEqual(expect.arrayContaining(["check", "print"]));
  expect((await offered(place, ["up", "--al"])).names).toEqual(["--allow-empty", "--allow-deletes"]);
  expect((await offered(place, ["up", "--initial", ""])).names).toEqual(["verify", "trust", "full"]);
  expect((await offered(place, ["completion", "z"])).names).toEqual(["zsh"]);
});

test("names of the config and of the kubeconfig are completed, although the cluster does not answer", async () => {
  await using place = await workplace();
  expect((await offered(place, ["up", ""])).names).toEqual(["jobset/train", "deploy/web"]);
  expect((await offered(place, ["up", "deploy/web", "j"])).names).toEqual(["jobset/train"]);
  expect((await offered(place, ["logs", ""])).names).toEqual(["jobset/train", "deploy/web"]);
  expect((await offered(place, ["logs", "--role", ""])).names).toEqual(["head"]);
  expect((await offered(place, ["forward", ""])).names).toEqual(["jobset/train", "deploy/web"]);
  expect((await offered(place, ["up", "--role", ""])).names).toEqual(["head"]);
  expect((await offered(place, ["up", "--profile", ""])).names).toEqual(["ci"]);
  const { names } = await offered(place, ["up", "--context", ""]);
  // The third one would be run by bash.
  expect(names).toEqual(["kind-dev", "arn:aws:eks:eu-west-1:1234:cluster/prod"]);
});

test("paths are left to the shell", async () => {
  await using place = await workplace();
  expect((await offered(place, ["up", "--config", ""])).files).toBe(true);
  expect((await offered(place, ["up", "--kubeconfig", "ku"])).files).toBe(true);
  expect((await offered(place, ["up", ""])).files).toBe(false);
});

test("workloads of the cluster and roles of their members are completed", async () => {
  await using playground = await createPlayground();
  playground.apply({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db", namespace: "default" },
    spec: {
      replicas: 1,
      serviceName: "db",
      selector: { matchLabels: { app: "db" } },
      template: {
        metadata: { labels: { app: "db" } },
        spec: { containers: [{ name: "main", image: "playground", command: ["sleep", "1000"] }] },
      },
    },
  });
  await using place = await workplace();
  const { names } = await offered(place, ["tree", ""], { KUBECONFIG: playground.kubeconfigPath });
  expect(names).toEqual(expect.arrayContaining(["jobset/train", "deploy/web", "statefulset/db"]));
});

test("a cluster that accepts a connection and never answers does not delay a completion", async () => {
  await using place = await workplace();
  const { createServer } = await import("node:net");
  const server = createServer(() => undefined).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { readonly port: number };
  await place.write("kubeconfig", KUBECONFIG.replace("127.0.0.1:1", `127.0.0.1:${port}`));
  expect((await offered(place, ["up", ""])).names).toEqual(["jobset/train", "deploy/web"]);
  server.close();
});

test.each(["bash", "zsh", "fish", "powershell"])("the script for %s is printed", async (shell) => {
  await using place = await workplace();
  const { code, stdout, stderr } = await place.run(["completion", shell]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/kinsync complete ['"]?--/);
});

test.skipIf(process.platform === "win32")("bash completes with the script", async () => {
  await using place = await workplace();
  const { stdout } = await place.run(["completion", "bash"]);
  await writeFile(join(place.path, "script.bash"), stdout);
  // bash-completion provides this function; here a line without quotes is enough.
  const text = `
    _get_comp_words_by_ref() { cur=\${COMP_WORDS[COMP_CWORD]}; words=("\${COMP_WORDS[@]}"); }
    kinsync() { printf 'deploy/web\\t\\ndeploy/api\\t\\n:4\\n'; }
    source script.bash
    compopt() { :; }
    COMP_WORDS=(kinsync up deploy/w) COMP_CWORD=2
    __kinsync_complete
    printf '%s\\n' "\${COMPREPLY[@]}"
  `;
  const ran = await promisify(execFile)("bash", ["-c", text], { cwd: place.path });
  expect(ran.stdout).toBe("deploy/web\n");
});
