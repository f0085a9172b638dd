import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";

interface Workflow {
  readonly permissions: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

interface Job {
  readonly "runs-on": string;
  readonly "timeout-minutes": number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly { readonly uses?: string; readonly run?: string; readonly with?: Record<string, unknown> }[];
}

const ROOT = join(import.meta.dirname, "..");
const FOLDER = join(ROOT, ".github/workflows");
const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
};

/** What a job may do besides reading the repository. */
const WRITES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "release.yml/npm": { contents: "write", "pull-requests": "write", "id-token": "write" },
  "release.yml/archive": { contents: "write", "id-token": "write", attestations: "write" },
  "release.yml/image": { contents: "read", packages: "write" },
};

for (const file of readdirSync(FOLDER)) {
  const workflow = parse(readFileSync(join(FOLDER, file), "utf8"), { strict: true, uniqueKeys: true }) as Workflow;
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);

  test(`${file} may read the repository, more only where a job of a release needs it, and ends some time`, () => {
    expect(workflow.permissions).toEqual({ contents: "read" });
    for (const [name, job] of Object.entries(workflow.jobs)) {
      expect(job.permissions, name).toEqual(WRITES[`${file}/${name}`]);
      expect(job["runs-on"]).toBeTypeOf("string");
      expect(job["timeout-minutes"]).toBeGreaterThan(0);
    }
  });

  test(`${file} takes actions by their major version, and keeps no credentials`, () => {
    const actions = steps.filter(({ uses }) => uses !== undefined);
    for (const { uses } of actions) expect(uses).toMatch(/^[\w-]+\/[\w-]+@v\d+$/);
    const checkouts = actions.filter(({ uses }) => uses?.startsWith("actions/checkout@"));
    for (const { with: options } of checkouts) expect(options).toMatchObject({ "persist-credentials": false });
  });

  test(`${file} runs what there is`, () => {
    const given = steps.flatMap(({ with: options = {} }) => [options["version"], options["publish"]]);
    const text = [...steps.map(({ run = "" }) => run), ...given].join("\n");
    const named = [...text.matchAll(/npm run (?:--silent )?([\w:]+)/g)].map(([, name = ""]) => name);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
    const files = [...text.matchAll(/(?:^|\s)(?:node )?((?:\.ci|e2e|scripts)\/[\w./-]+)/g)].map(
      ([, path = ""]) => path,
    );
    for (const path of files) expect(existsSync(join(ROOT, path)), path).toBe(true);
    expect(named.length + files.length).toBeGreaterThan(0);
  });
}
