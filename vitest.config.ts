import { readdirSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { slowestFirst } from "./test/support/slowest-first.ts";

const conditions = ["kinsync:source"];

/** In the order in which they start. */
const SLOWEST_FIRST = [
  "packages/transport-exec/test/conformance.test.ts",
  "packages/transport-exec/test/conformance-on-playground.test.ts",
  "packages/transport-exec/test/commit/many-files.test.ts",
  "packages/transport-exec/test/session/state-directory.test.ts",
  "packages/cli/test/line/files.test.ts",
  "packages/cli/test/line/faults.test.ts",
  "packages/cli/test/third-party/plugins-of-others.test.ts",
  "packages/core/test/plugins/load.test.ts",
  "packages/core/test/local/branch-switches.test.ts",
  "packages/core/test/cluster/auth/credentials.test.ts",
  "packages/core/test/local/any-changes.test.ts",
  "packages/playground/test/kubelet/pods.test.ts",
  "packages/kind-jobset/test/history.test.ts",
  "test/newcomer/mistakes.test.ts",
  "test/docs.test.ts",
];

const PACKAGES = readdirSync(join(import.meta.dirname, "packages"));
const KINDS = PACKAGES.filter((name) => name.startsWith("kind-"));
const TRANSPORTS = PACKAGES.filter((name) => name.startsWith("transport-"));

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // All cores; by itself Vitest leaves one idle, which on two is half of them.
    maxWorkers: "100%",
    sequence: { sequencer: slowestFirst(SLOWEST_FIRST) },
    projects: [
      {
        resolve: { conditions },
        ssr: { resolve: { conditions, externalConditions: conditions } },
        test: { name: "repository", include: ["test/**/*.test.ts"], testTimeout: 60_000 },
      },
      ...["core", ...KINDS, ...TRANSPORTS, "playground", "create-kinsync-plugin", "cli"].map((name) => ({
        resolve: { conditions },
        ssr: { resolve: { conditions, externalConditions: conditions } },
        test: {
          name,
          root: `packages/${name}`,
          include: ["test/**/*.test.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          execArgv: ["--conditions=kinsync:source"],
        },
      })),
    ],
  },
});
