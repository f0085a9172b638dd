import { rm } from "node:fs/promises";
import { join } from "node:path";
import { podManifest, untilRunning } from "../../../packages/cli/test/support/playground.ts";
import { createWorkplace } from "../../../packages/cli/test/support/run.ts";
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
  {
    what: "a single file onto a folder of the container, without a slash",
    needsConfinement: true,
    line: "sync pod/folder --sync src/main.py:/app/conf",
    code: 3,
    object: "folder [main]: /app/conf",
    cause: "is a directory that kinsync did not create, and should become a file",
    next: "write to: /app/conf/",
  },
  {
    what: "a single file onto a folder that kinsync placed",
    line: "sync",
    files: config("pod/folder", "sync: [{ from: src, to: /app/own }, { from: src/main.py, to: /app/own }]"),
    code: 2,
    object: "workloads[0].sync[1].to is /app/own",
    cause: "as in sync[0]",
    next: "Take one of them out",
  },
  {
    what: "`mirror` of a single file",
    needsConfinement: true,
    line: "sync",
    files: config("pod/folder", "sync: [{ from: src/main.py, to: /app/data/main.py, mirror: true }]"),
    code: 0,
    object: "folder [main]",
    cause: "1 entry, 9 B",
  },
  {
    what: "`mirror` over files of others, with nobody to ask",
    needsConfinement: true,
    line: "sync",
    files: config("pod/folder", "sync: [{ from: src, to: /app/data, mirror: true }]"),
    code: 3,
    object: "stopped folder",
    cause: "would delete 1 entry that kinsync did not create, in /app/data: keep.txt",
    next: "--allow-deletes",
  },
  {
    what: "two mappings for one folder, one of them relative",
    needsConfinement: true,
    line: "sync",
    files: config("pod/app", "sync: [{ from: src, to: /app/both }, { from: src, to: both }]"),
    code: 3,
    object: "pod/app sync[0] (to: /app/both) and pod/app sync[1] (to: both)",
    cause: "both write /app/both in this container",
    next: "Remove one of them",
  },
  {
    what: "an empty source folder",
    line: "sync pod/app --sync empty:empty",
    prepare: async ({ place }) => {
      await place.write("empty/.gitkeep", "");
      await rm(join(place.path, "empty/.gitkeep"));
    },
    code: 3,
    object: "pod/app sync[0]",
    cause: "empty is empty",
    next: "--allow-empty",
  },
  {
    what: "a source in which everything is ignored",
    line: "sync",
    files: mapping('from: src, to: none, ignore: ["*"]'),
    code: 3,
    object: "pod/app sync[0]",
    cause: "`ignore` leaves out everything in it",
    next: "--allow-empty",
  },
  {
    what: "a command that fails",
    line: "sync",
    files: config(
      "pod/app",
      "sync: [{ from: src, to: ran }]",
      'run: [{ when: ["*.py"], command: "echo no such module; exit 3" }]',
    ),
    code: 3,
    object: "echo no such module; exit 3 in app [main]",
    cause: "exit code 3",
    next: "a failed command runs again with the next `kinsync sync`",
  },
  {
    what: "a command that there is not",
    line: "sync",
    files: config("pod/app", "sync: [{ from: src, to: ran2 }]", "run: [{ when: ['*.py'], command: [pip, install] }]"),
    code: 3,
    object: "pip install in app [main]",
    cause: "pip: not found",
    next: "a failed command runs again with the next `kinsync sync`",
  },
  {
    what: "a command that does not end",
    line: "sync",
    files: config(
      "pod/app",
      "sync: [{ from: src, to: ran3 }]",
      "run: [{ when: ['*.py'], command: [sleep, '100'], timeout: 500 }]",
    ),
    code: 3,
    object: "sleep 100 in app [main]",
    cause: "did not end within 0.5 s and was killed",
    next: "a failed command runs again with the next `kinsync sync`",
  },
  {
    what: "a read-only root",
    line: "sync pod/sealed --sync src:/opt/src",
    needsConfinement: true,
    prepare: pod({ name: "sealed", container: { securityContext: { readOnlyRootFilesystem: true } } }),
    code: 3,
    object: "sealed [main]: cannot claim /opt/src",
    cause: "the file system is read-only",
    next: "Mount a writable volume at the path",
  },
  {
    what: "a container without a shell",
    line: "sync pod/bare --sync src:/src",
    needsConfinement: true,
    prepare: pod({ name: "bare", container: { image: "playground/empty", command: ["/busybox", "sleep", "1000"] } }),
    code: 3,
    object: "bare [main]",
    cause: "no sh; no python3; no node",
    next: "Use another image for development",
  },
  {
    what: "a user without the right to write",
    line: "sync pod/user --sync src:/usr/src",
    needsConfinement: true,
    needsRoot: true,
    prepare: pod({ name: "user", container: { securityContext: { runAsUser: 1000 } } }),
    code: 3,
    object: "user [main]: cannot claim /usr/src",
    cause: "permission denied for the container's user",
    next: "Map to a folder that the container's user owns",
  },
  {
    what: "a mounted ConfigMap",
    line: "sync pod/mounted --sync src:/etc/settings",
    needsConfinement: true,
    prepare: pod({
      name: "mounted",
      container: { volumeMounts: [{ name: "settings", mountPath: "/etc/settings" }] },
      spec: { volumes: [SETTINGS] },
    }),
    code: 3,
    object: "mounted [main]: cannot claim /etc/settings",
    cause: "the file system is read-only",
    next: "Mount a writable volume at the path",
  },
  {
    what: "a single file of a ConfigMap",
    line: "sync pod/subpath --sync src/main.py:/etc/app.yaml",
    needsConfinement: true,
    prepare: pod({
      name: "subpath",
      container: { volumeMounts: [{ name: "settings", mountPath: "/etc/app.yaml", subPath: "app.yaml" }] },
      spec: { volumes: [SETTINGS] },
    }),
    code: 3,
    object: "subpath [main]: cannot write to /etc/app.yaml",
    cause: "it is a mount point",
    next: "A ConfigMap or Secret is not: mount an `emptyDir`",
  },
  {
    what: "a single file of a ConfigMap, with `inPlace` as the hint said",
    line: "sync",
    needsConfinement: true,
    files: config("pod/subpath2", "sync: [{ from: src/main.py, to: /etc/app.yaml, inPlace: true }]"),
    prepare: pod({
      name: "subpath2",
      container: { volumeMounts: [{ name: "settings", mountPath: "/etc/app.yaml", subPath: "app.yaml" }] },
      spec: { volumes: [SETTINGS] },
    }),
    code: 3,
    object: "subpath2 [main]: cannot write to /etc/app.yaml",
    cause: "the file system is read-only",
    next: "Mount a writable volume at the path",
  },
  {
    what: "a volume without room",
    line: "sync pod/small --sync src:/data/x --wait 2",
    needsConfinement: true,
    needsRoot: true,
    files: { "src/big.bin": "x".repeat(1024 * 1024) },
    prepare: pod({
      name: "small",
      container: { volumeMounts: [{ name: "small", mountPath: "/data" }] },
      spec: { volumes: [{ name: "small", emptyDir: { medium: "Memory", sizeLimit: "64Ki" } }] },
    }),
    code: 3,
    object: "small [main]: cannot write to /data/x",
    cause: "no space is left on its file system",
    next: "Enlarge the volume",
  },
  {
    what: "a pod that waits for a gate of the scheduler",
    line: "sync pod/gated --sync src:src --wait 1",
    prepare: ({ playground }) =>
      void playground.apply(podManifest({ name: "gated", spec: { schedulingGates: [{ name: "acme.dev/quota" }] } })),
    code: 4,
    object: "gated [main]",
    cause: "the pod is not scheduled (SchedulingGated",
    next: "`kinsync explain pod/gated` shows",
  },
  {
    what: "a folder that another run placed from elsewhere",
    line: "sync pod/app --sync src:shared",
    prepare: async ({ playground }) => {
      await using other = await createWorkplace({ "src/theirs.py": "1\n" });
      await other.run(["sync", "pod/app", "--sync", "src:shared"], { env: { KUBECONFIG: playground.kubeconfigPath } });
    },
    code: 3,
    object: "stopped app",
    cause: "would delete 1 entry that came from",
    next: "--allow-deletes",
  },
];
