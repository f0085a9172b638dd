import { readFileSync, writeSync } from "node:fs";
import type { ChildRule, KindPlugin, KindView, OwnedPod, Verdict } from "../../contract/kind.ts";
import type { KubeObject, Pod, ResourceType } from "../../contract/resource.ts";
import { callWithoutModules, deepFreeze } from "./purity.ts";

/** Everything that a kind is asked about one case, as JSON. */
export interface Question {
  readonly name: string;
  readonly root: KubeObject;
  /** Every object of the view, and every owner of a pod. */
  readonly objects: readonly KubeObject[];
  /** UIDs of `view.owned`. */
  readonly owned: readonly string[];
  readonly missing: readonly ResourceType[];
  readonly referred: readonly KubeObject[];
  /** The pods that the root owns, with the UIDs of their owners. */
  readonly members: readonly { readonly pod: Pod; readonly owners: readonly string[]; readonly by: OwnedPod["by"] }[];
  readonly judgesSet: boolean;
  /** Every pod of the case. */
  readonly pods: readonly Pod[];
  /** By UID of a delegated child: the answers of its kind, and its verdicts by UID of the pod. */
  readonly rules: Readonly<Record<string, Omit<ChildRule, "pod"> & { readonly verdicts: Record<string, Verdict> }>>;
}

/** What the process reads from standard input. */
export interface Questions {
  /** URL of the module of the kind. */
  readonly module: string;
  readonly exported: string;
  readonly parameters: readonly unknown[];
  /** Name of the kind, where the module makes several. */
  readonly kind: string;
  readonly questions: readonly Question[];
}

/** What the process writes to standard output: an answer for each question, or the error. */
export type Answers = { readonly answers: readonly unknown[] } | { readonly error: string };

/** This module as a URL: it is the program of the process. */
export const programUrl = new URL(import.meta.url);

/** First parameter of the program. */
export const PURPOSE = "kinsync-isolated-kind";

/** All that a kind answers about a case, as JSON. */
export function askKind(kind: KindPlugin, question: Question): unknown {
  const byUid = new Map(question.objects.map((object) => [object.metadata.uid, object]));
  const find = (uid: string): KubeObject[] => [byUid.get(uid) ?? []].flat();
  const members = question.members.map(({ pod, owners, by }): OwnedPod => ({ pod, by, owners: owners.flatMap(find) }));
  const view: KindView = {
    root: question.root,
    owned: question.owned.flatMap(find),
    pods: question.judgesSet ? members : [],
    missing: question.missing,
    referred: question.referred,
    rule: (child) => {
      const rule = question.rules[child.metadata.uid];
      if (rule === undefined) return undefined;
      const { verdicts, ...answers } = rule;
      return { ...answers, pod: ({ pod }) => verdicts[pod.metadata.uid] as Verdict };
    },
  };
  const judgement = kind.judge(Object.freeze(view));
  return {
    plan: kind.watches(question.root),
    verdicts: members.map((owned) => judgement.pod(owned)),
    notes: judgement.notes,
    roles: kind.roles?.(question.root),
    namespaces: kind.namespaces?.(question.root),
    pods: question.pods.map((pod) => [kind.matchesByLabels?.(question.root, pod), kind.defaultContainer?.(pod)]),
  };
}

async function makeKind({ module, exported, parameters, kind: name }: Questions): Promise<KindPlugin> {
  const value = ((await import(module)) as Readonly<Record<string, unknown>>)[exported];
  if (value === undefined) throw new Error(`the module has no export "${exported}"`);
  const made: unknown = typeof value === "function" ? Reflect.apply(value, undefined, parameters) : value;
  const kind = ([made].flat() as readonly KindPlugin[]).find((one) => one.name === name);
  if (kind === undefined) throw new Error(`the export "${exported}" makes no kind "${name}"`);
  return kind;
}

async function answerAll(): Promise<Answers> {
  const questions = deepFreeze(JSON.parse(readFileSync(0, "utf8")) as Questions);
  try {
    const kind = await makeKind(questions);
    // The module is loaded: from here on nothing is read. Older versions of Node cannot give a permission back.
    const { permission } = process as { readonly permission?: { readonly drop?: (scope: string) => void } };
    permission?.drop?.("fs.read");
    return {
      answers: questions.questions.map((question) => {
        try {
          return callWithoutModules(() => JSON.parse(JSON.stringify(askKind(kind, question))) as unknown);
        } catch (error) {
          throw new Error(`${question.name}: ${String(error)}`, { cause: error });
        }
      }),
    };
  } catch (error) {
    return { error: String(error) };
  }
}

if (process.argv[2] === PURPOSE) {
  const text = JSON.stringify(await answerAll());
  writeSync(1, text);
}
