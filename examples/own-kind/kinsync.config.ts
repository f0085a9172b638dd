import { defineConfig } from "kinsync";
import { experiment } from "./experiment.ts";

export default defineConfig({
  kinds: [experiment()],
  workloads: [{ workload: "experiment/pendulum", sync: [{ from: "src", to: "/app/src" }] }],
});
