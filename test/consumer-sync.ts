// The first example of README.md and docs/guides/use-as-a-library.md, compiled and run against the packages as they are published.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createPlayground } from "@kinsync/playground";

const labels = { app: "web" };
const command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"];
const playground = await createPlayground();
playground.apply([
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: "main", image: "playground/busybox", command }] },
      },
    },
  },
]);
process.env["KUBECONFIG"] = playground.kubeconfigPath;
mkdirSync("src", { recursive: true });
writeFileSync("src/main.py", "print(1)\n");

// The example:
import { openProject } from "@kinsync/core/project";
import { deployment } from "@kinsync/kind-deployment";
import { exec } from "@kinsync/transport-exec";

const inline = { workloads: [{ workload: "deploy/web", sync: [{ from: "src", to: "/app/src" }] }] };
const project = await openProject({ inline, plugins: [deployment(), exec()], cwd: process.cwd(), env: process.env });
try {
  process.exitCode = (await project.sync({ onEvent: (event) => console.log(event) })).outcome.exitCode;
} finally {
  await project.close();
}
// (the end of the example)

const pods = playground.store.list("pods", "default").map(({ metadata }) => metadata.name);
const contents = pods.map((pod) =>
  readFileSync(playground.kubelet.pathOf("default", pod, "main", "/app/src/main.py"), "utf8"),
);
await playground.close();
if (process.exitCode === 0 && contents.length === 2 && contents.every((content) => content === "print(1)\n")) {
  process.stdout.write("consumer-sync ok\n");
}
