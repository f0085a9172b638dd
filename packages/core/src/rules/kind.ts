import { defineKind, delegatedVerdict, verdictOfInactivePod } from "../contract/kind.ts";
import type {
  Judgement,
  KindPlugin,
  KindView,
  OwnedPod,
  Reason,
  Reference,
  RootType,
  Verdict,
  Watch,
  WatchPlan,
} from "../contract/kind.ts";
import type { KubeObject, ResourceType } from "../contract/resource.ts";
import type { KindRules, RuleChild, RuleResource, RuleWatch } from "../contract/rules.ts";
import type { ConfigPath } from "../document/parse.ts";
import { itemsOf, startCounting } from "./cel/values.ts";
import type { BoundExpression, BoundTemplate, Compiler } from "./compiler.ts";
import { createLetScope, type LetValues } from "./let-values.ts";
import { pluralOf } from "../text/plural.ts";
import {
  bindPlace,
  bindReason,
  bindRules,
  firstThatFits,
  fits,
  placeOf,
  reasonOf,
  type BoundPlace,
  type BoundRule,
  type Remembered,
} from "./rule.ts";
import { ownedVariables, podVariables, rootVariables, SCOPES, viewVariables } from "./variables.ts";

interface BoundWatch {
  readonly watch: RuleWatch;
  readonly delegate: boolean;
  readonly condition: BoundExpression | undefined;
  readonly version: BoundTemplate | undefined;
  readonly selector: BoundTemplate | undefined;
}

interface BoundChild extends BoundWatch {
  readonly place: BoundPlace;
  readonly rules: readonly BoundRule[] | undefined;
  readonly notes: BoundExpression | undefined;
}

/** The kind that rules describe. What is wrong with them is in the problems of the compiler. */
export function kindOf(compiler: Compiler, rules: KindRules): KindPlugin {
  const scope = createLetScope(compiler.lets, SCOPES.view);
  const watches = (rules.watches ?? []).map((watch, index) => bindWatch(compiler, ["watches", index], watch, false));
  const children = (rules.children ?? []).map((child, index) => bindChild(compiler, ["children", index], child));
  const refers = (rules.refers ?? []).map((reference, index) => ({
    reference,
    condition: compiler.expression(["refers", index, "if"], reference.if, "root"),
    name: compiler.template(["refers", index, "name"], reference.name, "root"),
  }));
  const selector = compiler.template(["pods", "selector"], rules.pods?.selector, "root");
  const podRules = bindRules(compiler, ["rules"], rules.rules, "pod", true);
  const place = bindPlace(compiler, [], rules, "pod");
  const notes = (rules.notes ?? []).map((note, index) => bindReason(compiler, ["notes", index], note, "view"));
  const roles = typeof rules.roles === "string" ? compiler.expression(["roles"], rules.roles, "root") : rules.roles;
  const namespaces = compiler.expression(["namespaces"], rules.namespaces, "root");
  const container = compiler.expression(["container"], rules.container, "container");
  const matches = compiler.expression(["matchesByLabels"], rules.matchesByLabels, "match");
  const isDelegated =
    children.length > 0 &&
    children.every(({ delegate }) => delegate) &&
    watches.length === 0 &&
    rules.pods === undefined &&
    podRules === undefined;
  const passesNotes = notes.length > 0 || children.some((child) => child.notes !== undefined);

  const ofRoot = (root: KubeObject): LetValues => scope.outer(rootVariables(root));

  function planOf(root: KubeObject): WatchPlan {
    startCounting();
    const values = ofRoot(root);
    const podSelector = selector?.(values);
    const owner = rules.pods?.owner;
    const references = refers.flatMap(({ reference, condition, name }): readonly Reference[] => {
      const text = condition?.truth(values) === false ? undefined : name?.(values);
      if (text === undefined) return [];
      const { metadataOnly, optional } = reference;
      return [{ resource: resourceOf(reference), name: text, ...definedOf({ metadataOnly, optional }) }];
    });
    return {
      watches: [...watches, ...children].flatMap((each) => watchOf(each, values)),
      pods: isDelegated ? "delegated" : definedOf({ labelSelector: podSelector, owner }),
      ...(references.length === 0 ? {} : { refers: references }),
    };
  }

  function judge(view: KindView): Judgement {
    startCounting();
    const values = scope.outer(viewVariables(view));
    const remembered: Remembered = new Map();
    const judgement = { pod: (owned: OwnedPod) => judgePod(view, values, remembered, owned) };
    return passesNotes ? { ...judgement, notes: notesOf(view, values, remembered) } : judgement;
  }

  function judgePod(view: KindView, outer: LetValues, remembered: Remembered, owned: OwnedPod): Verdict {
    startCounting();
    const top = owned.owners.at(-1);
    const child = top === undefined ? undefined : children.find((each) => isOf(each, top));
    if (top === undefined || child === undefined) {
      const values = scope.inner(ownedVariables(owned, top, undefined), outer);
      return { ...stateOf(podRules, owned, values, remembered), ...placeOf(place, values) };
    }
    const answer = child.delegate ? delegatedVerdict(view, owned) : undefined;
    const values = scope.inner(ownedVariables(owned, top, answer), outer);
    const own = placeOf(child.place, values);
    if (!child.delegate) {
      return { ...stateOf(child.rules ?? podRules, owned, values, remembered), ...placeOf(place, values), ...own };
    }
    const inactive = verdictOfInactivePod(owned.pod);
    const better = inactive === undefined ? firstThatFits(child.rules ?? [], values, remembered) : undefined;
    const state = better ?? answer ?? inactive ?? notJudged(top);
    const labels = { ...answer?.labels, ...own.labels };
    return { ...answer, ...state, ...own, ...(Object.keys(labels).length === 0 ? {} : { labels }) };
  }

  function notesOf(view: KindView, values: LetValues, remembered: Remembered): readonly Reason[] {
    const own = notes.filter((note) => fits(note, values, remembered)).map((note) => reasonOf(note, values));
    const passed = view.owned.flatMap((object) => {
      const child = children.find((each) => each.delegate && isOf(each, object));
      if (child === undefined) return [];
      const isPassed = child.notes?.truth(scope.inner({ child: object }, values)) ?? true;
      return isPassed ? (view.rule(object)?.notes ?? []) : [];
    });
    return [...own, ...passed];
  }

  return defineKind({
    name: rules.name,
    root: rootOf(rules),
    watches: planOf,
    judge,
    ...definedOf({
      judgesSet: compiler.used.has("pods") ? true : undefined,
      infrastructure: rules.infrastructure,
      roles: roles === undefined ? undefined : (root: KubeObject) => textsOf(roles, ofRoot(root)),
      namespaces: namespaces === undefined ? undefined : (root: KubeObject) => textsOf(namespaces, ofRoot(root)),
      defaultContainer:
        container === undefined ? undefined : (pod: OwnedPod["pod"]) => container.text(scope.outer(podVariables(pod))),
      matchesByLabels:
        matches === undefined
          ? undefined
          : (root: KubeObject, pod: OwnedPod["pod"]) =>
              matches.truth(scope.outer({ ...rootVariables(root), ...podVariables(pod) })),
    }),
  });
}

function bindWatch(compiler: Compiler, path: ConfigPath, watch: RuleWatch, delegate: boolean): BoundWatch {
  return {
    watch,
    delegate,
    condition: compiler.expression([...path, "if"], watch.if, "root"),
    version: compiler.template([...path, "version"], watch.version, "root"),
    selector: compiler.template([...path, "selector"], watch.selector, "root"),
  };
}

function bindChild(compiler: Compiler, path: ConfigPath, child: RuleChild): BoundChild {
  const { delegate = false } = child;
  if (delegate && child.metadataOnly === true) {
    compiler.complain(
      [...path, "metadataOnly"],
      "key",
      "excludes delegate: the kind of the child reads the whole object",
    );
  }
  if (!delegate && child.notes !== undefined) {
    compiler.complain([...path, "notes"], "key", "needs delegate: true, since only a kind has notes");
  }
  const scope = delegate ? "delegated" : "podOfChild";
  return {
    ...bindWatch(compiler, path, child, delegate),
    place: bindPlace(compiler, path, child, scope),
    rules: bindRules(compiler, [...path, "rules"], child.rules, scope, !delegate),
    notes: compiler.expression([...path, "notes"], child.notes, "child"),
  };
}

function stateOf(
  rules: readonly BoundRule[] | undefined,
  owned: OwnedPod,
  values: LetValues,
  remembered: Remembered,
): Pick<Verdict, "state" | "reason"> {
  const inactive = verdictOfInactivePod(owned.pod);
  if (inactive !== undefined) return inactive;
  const found = rules === undefined ? undefined : firstThatFits(rules, values, remembered);
  return found ?? { state: "current", reason: { code: "owned", message: "the workload owns it, and it is alive" } };
}

function notJudged({ kind, metadata }: KubeObject): Pick<Verdict, "state" | "reason"> {
  const message = `no kind judges the ${kind} ${metadata.name} that owns it`;
  return { state: "unsettled", reason: { code: "child-not-judged", message } };
}

function watchOf({ watch, delegate, condition, version, selector }: BoundWatch, values: LetValues): readonly Watch[] {
  if (condition?.truth(values) === false) return [];
  const { owner, metadataOnly, optional } = watch;
  const resource = { ...resourceOf(watch), version: version?.(values) ?? watch.version };
  const labelSelector = selector?.(values);
  return [
    { resource, ...definedOf({ labelSelector, owner, metadataOnly, optional, delegate: delegate ? true : undefined }) },
  ];
}

function isOf({ watch }: BoundWatch, object: KubeObject): boolean {
  const [first = "", second] = object.apiVersion.split("/");
  return watch.kind === object.kind && watch.group === (second === undefined ? "" : first);
}

function rootOf({ root }: KindRules): RootType {
  return { ...resourceOf(root), ...definedOf({ versions: root.versions }) };
}

function resourceOf({ group, version, kind, plural, namespaced, shortNames }: RuleResource): ResourceType {
  return { group, version, kind, plural: plural ?? pluralOf(kind), ...definedOf({ namespaced, shortNames }) };
}

function textsOf(list: readonly string[] | BoundExpression, values: LetValues): readonly string[] {
  if (!("value" in list)) return list;
  startCounting();
  return [
    ...new Set(itemsOf(list.value(values)).filter((each) => typeof each === "string" && each !== "")),
  ] as string[];
}

/** Without the keys that have no value. */
function definedOf<Fields extends object>(fields: Fields): { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Key in keyof Fields]?: Exclude<Fields[Key], undefined>;
  };
}
