import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { KindPlugin, KindView } from "../../contract/kind.ts";
import type { KubeObject } from "../../contract/resource.ts";
import { buildKindView, isPod } from "./kind-view.ts";
import { askKind, programUrl, PURPOSE, type Answers, type Question, type Questions } from "./isolated-process.ts";
import { callPurely } from "./purity.ts";
import { viewOptions, type Subject } from "./subject.ts";

/** Where a process of its own finds the kind. */
export interface KindModule {
  /** The module, such as `new URL("../src/index.ts", import.meta.url)`. */
  readonly module: URL;
  /** The factory or the kind that it exports. Default: `default`. */
  readonly export?: string;
  /** Parameters of the factory, as JSON. Default: none. */
  readonly parameters?: readonly unknown[];
  /** Options of Node that the module needs. Default: the conditions of this process, such as `--conditions=source`. */
  readonly execArgv?: readonly string[];
}

/** Milliseconds for the process to start, load the kind and answer. */
const LIMIT_MS = 30_000;

/**
 * Judges all cases in a process that has no environment, may write no files, start no process or thread, open no socket and, once the
 * kind is loaded, read no files. Fails if it throws there or answers differently.
 */
export function checkIsolated(kind: KindPlugin, subjects: readonly Subject[], isolated: URL | KindModule): void {
  const where: KindModule = isolated instanceof URL ? { module: isolated } : isolated;
  const { execArgv = process.execArgv.filter((each) => each.startsWith("--conditions=")) } = where;
  const questions = subjects.map((one) => questionOf(kind, one));
  const input: Questions = {
    module: where.module.href,
    exported: where.export ?? "default",
    parameters: where.parameters ?? [],
    kind: kind.name,
    questions,
  };
  const program = [fileURLToPath(programUrl), PURPOSE];
  const { stdout, stderr, error } = spawnSync(
    process.execPath,
    ["--permission", "--allow-fs-read=*", ...execArgv, ...program],
    { input: JSON.stringify(input), env: {}, encoding: "utf8", timeout: LIMIT_MS, maxBuffer: 256 * 1024 * 1024 },
  );
  if (error !== undefined) {
    throw new Error(`the kind did not answer in a process of its own: ${error.message}`, { cause: error });
  }
  let answers: Answers;
  try {
    answers = JSON.parse(stdout) as Answers;
  } catch {
    assert.fail(`the process of the kind ended without an answer: ${stderr.trim() || "it wrote nothing"}`);
  }
  if ("error" in answers) assert.fail(`in a process without files, network and environment: ${answers.error}`);
  for (const [at, question] of questions.entries()) {
    const here = JSON.parse(JSON.stringify(callPurely(() => askKind(kind, question)))) as unknown;
    const message = `${question.name}: the answer differs in a process without files, network and environment`;
    assert.deepEqual(answers.answers[at], here, message);
  }
}

function questionOf(kind: KindPlugin, one: Subject): Question {
  const { view, members } = callPurely(() => buildKindView(kind, one.root, one.objects, viewOptions(one)));
  const objects = new Map<string, KubeObject>();
  for (const object of [...members.flatMap(({ owners }) => owners), ...view.owned]) {
    objects.set(object.metadata.uid, object);
  }
  return {
    name: one.name,
    root: one.root,
    objects: [...objects.values()],
    owned: view.owned.map(({ metadata }) => metadata.uid),
    missing: view.missing,
    referred: view.referred,
    members: members.map(({ pod, owners, by }) => ({ pod, by, owners: owners.map(({ metadata }) => metadata.uid) })),
    judgesSet: kind.judgesSet ?? false,
    pods: one.objects.filter(isPod),
    rules: rulesOf(view, [...objects.values()], members),
  };
}

function rulesOf(
  view: KindView,
  objects: readonly KubeObject[],
  members: ReturnType<typeof buildKindView>["members"],
): Question["rules"] {
  return Object.fromEntries(
    objects.flatMap((child) => {
      const rule = view.rule(child);
      if (rule === undefined) return [];
      const { kind, notes, roles } = rule;
      const below = members.filter(({ owners }) => owners.includes(child));
      const verdicts = Object.fromEntries(below.map((owned) => [owned.pod.metadata.uid, rule.pod(owned)]));
      return [[child.metadata.uid, { kind, notes, roles, verdicts }]];
    }),
  );
}
