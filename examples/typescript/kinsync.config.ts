import { defineConfig } from "kinsync";
import type { MappingConfig } from "kinsync";

/** One settings file per role, at the same path in all containers. */
function settings(role: string): MappingConfig {
  return { from: `config/${role}.yaml`, to: "/etc/train/config.yaml", roles: [role] };
}

export default defineConfig({
  workloads: [
    {
      workload: "jobset/train",
      namespace: "ml",
      sync: [{ from: "src", to: "/app/src", ignore: ["**/*.ipynb"] }, ...["head", "worker"].map(settings)],
      run: [
        // The first command runs in all pods. The head also checks its config.
        { when: ["requirements.txt"], command: "pip install -r /app/src/requirements.txt", timeout: 300_000 },
        { when: ["head.yaml"], command: ["python", "-m", "train.check"], roles: ["head"] },
      ],
    },
  ],
});
