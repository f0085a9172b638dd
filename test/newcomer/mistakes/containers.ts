import { IDLE, podManifest, untilRunning } from "../../../packages/cli/test/support/playground.ts";
import { config, mapping, type Mistake } from "../support/mistake.ts";
import type { Fixture } from "../support/fixture.ts";

/** A pod for one mistake. */
function pod(options: Parameters<typeof podManifest>[0]) {
  return async ({ playground }: Fixture): Promise<void> => {
    playground.apply(podManifest(options));
    await untilRunning(playground, options.name);
  };
}

const SETTINGS = { name: "settings", configMap: { name: "settings" } };

/** What the container, its mounts and its user do not allow, and rules that do not fit to what is in it. */
export const CONTAINERS: readonly Mistake[] = [
  { what: "a single file onto a folder of the container, without a slash", line: "sync pod/folder --sync src/main.py:/app/conf", code: 3, object: "", cause: "", next: "" },
  { what: "a single file onto a folder that kinsync placed", line: "sync", files: config("pod/folder", "sync: [{ from: src, to: /app/own }, { from: src/main.py, to: /app/own }]"), code: 2, object: "", cause: "", next: "" },
  { what: "`mirror` of a single file", line: "sync", files: config("pod/folder", "sync: [{ from: src/main.py, to: /app/data/main.py, mirror: true }]"), code: 2, object: "", cause: "", next: "" },
  { what: "`mirror` over files of others, with nobody to ask", line: "sync", files: config("pod/folder", "sync: [{ from: src, to: /app/data, mirror: true }]"), code: 3, object: "", cause: "", next: "" },
  { what: "two mappings for one folder, one of them relative", line: "sync", files: config("pod/app", "sync: [{ from: src, to: /app/both }, { from: src, to: both }]"), code: 2, object: "", cause: "", next: "" },
  { what: "an empty source folder", line: "sync pod/app --sync empty:empty", prepare: async ({ place }) => { await place.write("empty/.gitkeep", ""); const { rm } = await import("node:fs/promises"); await rm(`${place.path}/empty/.gitkeep`); }, code: 3, object: "", cause: "", next: "" },
  { what: "a source in which everything is ignored", line: "sync", files: { ...mapping('from: src, to: none, ignore: ["*"]') }, code: 3, object: "", cause: "", next: "" },
  { what: "a command that fails", line: "sync", files: config("pod/app", "sync: [{ from: src, to: ran }]", 'run: [{ when: ["*.py"], command: "echo no such module; exit 3" }]'), code: 3, object: "", cause: "", next: "" },
  { what: "a command that there is not", line: "sync", files: config("pod/app", "sync: [{ from: src, to: ran2 }]", "run: [{ when: ['*.py'], command: [pip, install] }]"), code: 3, object: "", cause: "", next: "" },
  { what: "a command that does not end", line: "sync", files: config("pod/app", "sync: [{ from: src, to: ran3 }]", "run: [{ when: ['*.py'], command: [sleep, '100'], timeout: 500 }]"), code: 3, object: "", cause: "", next: "" },
  { what: "a read-only root", line: "sync pod/sealed --sync src:/opt/src", needsConfinement: true, prepare: pod({ name: "sealed", container: { securityContext: { readOnlyRootFilesystem: true } } }), code: 3, object: "", cause: "", next: "" },
  { what: "a container without a shell", line: "sync pod/bare --sync src:/src", needsConfinement: true, prepare: pod({ name: "bare", container: { image: "playground/empty", command: ["/busybox", "sleep", "1000"] } }), code: 3, object: "", cause: "", next: "" },
  { what: "a user without the right to write", line: "sync pod/user --sync src:/usr/src", needsConfinement: true, needsRoot: true, prepare: pod({ name: "user", container: { securityContext: { runAsUser: 1000 } } }), code: 3, object: "", cause: "", next: "" },
  { what: "a mounted ConfigMap", line: "sync pod/mounted --sync src:/etc/settings", needsConfinement: true, prepare: pod({ name: "mounted", container: { volumeMounts: [{ name: "settings", mountPath: "/etc/settings" }] }, spec: { volumes: [SETTINGS] } }), code: 3, object: "", cause: "", next: "" },
  { what: "a single file of a ConfigMap", line: "sync pod/subpath --sync src/main.py:/etc/app.yaml", needsConfinement: true, prepare: pod({ name: "subpath", container: { volumeMounts: [{ name: "settings", mountPath: "/etc/app.yaml", subPath: "app.yaml" }] }, spec: { volumes: [SETTINGS] } }), code: 3, object: "", cause: "", next: "" },
  { what: "a single file of a ConfigMap, with `inPlace` as the hint said", line: "sync", needsConfinement: true, files: config("pod/subpath2", "sync: [{ from: src/main.py, to: /etc/app.yaml, inPlace: true }]"), prepare: pod({ name: "subpath2", container: { volumeMounts: [{ name: "settings", mountPath: "/etc/app.yaml", subPath: "app.yaml" }] }, spec: { volumes: [SETTINGS] } }), code: 3, object: "", cause: "", next: "" },
  { what: "a volume without room", line: "sync pod/small --sync src:/data/x --wait 2", needsConfinement: true, needsRoot: true, files: { "src/big.bin": "x".repeat(1024 * 1024) }, prepare: pod({ name: "small", container: { volumeMounts: [{ name: "small", mountPath: "/data" }] }, spec: { volumes: [{ name: "small", emptyDir: { medium: "Memory", sizeLimit: "64Ki" } }] } }), code: 3, object: "", cause: "", next: "" },
  { what: "a pod that waits for a gate of the scheduler", line: "sync pod/gated --sync src:src --wait 1", prepare: ({ playground }) => void playground.apply(podManifest({ name: "gated", spec: { schedulingGates: [{ name: "acme.dev/quota" }] } })), code: 4, object: "", cause: "", next: "" },
  { what: "a folder that another run placed from elsewhere", line: "sync pod/app --sync src:shared", prepare: async ({ playground }) => { const { createWorkplace } = await import("../../../packages/cli/test/support/run.ts"); await using other = await createWorkplace({ "src/theirs.py": "1\n" }); await other.run(["sync", "pod/app", "--sync", "src:shared"], { env: { KUBECONFIG: playground.kubeconfigPath } }); }, code: 3, object: "", cause: "", next: "" },
];
export const MISTAKES = CONTAINERS;
void IDLE;
