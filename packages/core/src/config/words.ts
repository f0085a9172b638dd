import type { ProblemWords } from "../document/problems.ts";

/** For the messages about the shape of a config. */
export const CONFIG_WORDS: Omit<ProblemWords, "knownKeys"> = {
  whole: "the config",
  examples: {
    workloads: 'Add workloads: [{ workload: "jobset/train", sync: [{ from: "src", to: "/app/src" }] }]',
    workload: 'Name the workload as kubectl does: workload: "jobset/train"',
    sync: 'Name what to sync and where to: sync: [{ from: "src", to: "/app/src" }]',
    from: 'Name a local file or folder: from: "src"',
    to: 'Name a path in the container: to: "/app/src"',
    when: 'Name the paths whose change runs it: when: ["requirements.txt"]',
    command: 'Give the argv: command: ["pip", "install", "-r", "requirements.txt"]',
  },
  renamed: { target: "workload" },
};
