import { defineConfig } from "kinsync";
import { experiment } from "./experiment.ts";

export default defineConfig({
  kinds: [experiment()],
  workloads: [
    {
      workload: "experiment/pendulum",
      sync: [
        { from: "src", to: "/app/src" },
        // Only the actors of one arm: the kind gives each of them the label `arm`.
        { from: "variant.yaml", to: "/app/arm.yaml", labels: { arm: "variant" } },
      ],
    },
  ],
});
