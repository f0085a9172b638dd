import { defineConfig } from "vitest/config";
import { settingsFromEnvironment } from "./harness/settings.ts";
import { skippedReporter } from "./harness/skipped-reporter.ts";
import { slowestFirst } from "../test/support/slowest-first.ts";

const conditions = ["kinsync:source"];
const settings = settingsFromEnvironment();
const CONTROLLERS = "situations/controllers/**";
const FAULTS = ["situations/**/faults*.test.ts"];
/** In the order in which they start. */
const SLOWEST_FIRST = [
  "connections",
  "training",
  "config-maps",
  "files-many-and-large",
  "access",
  "runs-interrupted",
  "files",
  "jobset-lifecycle",
  "places",
  "jobset-restart",
  "statefulset",
  "gang",
  "deployment-rollout",
  "jobset",
  "runs-concurrent",
  "rules",
].map((name) => `situations/${name}.test.ts`);

// Started by run.ts, which passes its settings in the environment. Not a part of `npm test`.
export default defineConfig({
  cacheDir: "../node_modules/.vite",
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    root: import.meta.dirname,
    reporters: ["default", skippedReporter(settings)],
    sequence: { sequencer: slowestFirst(SLOWEST_FIRST) },
    projects:
      settings.controller === undefined
        ? [
            // Each has its own namespace, so they can run in parallel; most of the time they wait for pods.
            {
              extends: true,
              test: {
                name: "situations",
                include: ["situations/**/*.test.ts"],
                exclude: [...FAULTS, CONTROLLERS],
                maxWorkers: 3,
                sequence: { groupOrder: 1 },
              },
            },
            // These break components that all situations share.
            {
              extends: true,
              test: { name: "faults", include: FAULTS, maxWorkers: 1, sequence: { groupOrder: 2 } },
            },
          ]
        : [
            {
              extends: true,
              test: {
                name: settings.controller,
                include: [`situations/controllers/${settings.controller}{,/*}.test.ts`],
              },
            },
          ],
    execArgv: ["--conditions=kinsync:source"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
