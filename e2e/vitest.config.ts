import { defineConfig } from "vitest/config";

const conditions = ["kinsync:source"];

// Started by run.ts, which says by environment variables what the situations run against. No part of `npm test`.
export default defineConfig({
  cacheDir: "../node_modules/.vite",
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    name: "e2e",
    root: import.meta.dirname,
    include: ["situations/**/*.test.ts"],
    execArgv: ["--conditions=kinsync:source"],
    // Situations share one cluster, some of them kill its parts, and time is of no matter here.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
