import { defineConfig } from "vitest/config";

const conditions = ["kinsync:source"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // All cores; by itself Vitest leaves one idle, which on two is half of them.
    maxWorkers: "100%",
    projects: [
      {
        resolve: { conditions },
        ssr: { resolve: { conditions, externalConditions: conditions } },
        test: { name: "repository", include: ["test/**/*.test.ts"], testTimeout: 60_000 },
      },
      ...["core", "kind-jobset", "kind-deployment", "kind-statefulset", "transport-exec", "playground", "cli"].map(
        (name) => ({
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
        }),
      ),
    ],
  },
});
