import type { InspectedConfig, WorkloadPlan } from "@kinsync/core/project";
import type { ConfigValue } from "./format-values.ts";

type Path = readonly (string | number)[];

/** A resolved config as a tree of values with their sources. */
export function resolvedValues({ workloads, config, sourceOf }: InspectedConfig): ConfigValue {
  const leaf = (value: unknown, ...paths: readonly Path[]): ConfigValue => {
    const source = paths.map((path) => sourceOf(path)).find((each) => each !== undefined);
    return { value, source: source ?? "default" };
  };
  const contexts = config.contexts === undefined ? {} : { contexts: leaf(config.contexts, ["contexts"]) };
  const list = workloads.map((plan, index) => ({ fields: workloadValues(plan, ["workloads", index], leaf) }));
  return { fields: { ...contexts, workloads: { list } } };
}

type Leaf = (value: unknown, ...paths: readonly Path[]) => ConfigValue;

function workloadValues(plan: WorkloadPlan, at: Path, leaf: Leaf): Record<string, ConfigValue> {
  const { workload, namespace, mappings, run, restart, rebuild, hooks, forward } = plan;
  return {
    workload: leaf(workload, [...at, "workload"]),
    ...(namespace === undefined ? {} : { namespace: leaf(namespace, [...at, "namespace"]) }),
    sync: { list: mappings.map((mapping, place) => ({ fields: mappingValues(mapping, at, place, leaf) })) },
    ...(run.length === 0
      ? {}
      : { run: { list: run.map((action, place) => ({ fields: fieldsOf(action, [...at, "run", place], leaf) })) } }),
    ...(restart === undefined
      ? {}
      : { restart: { fields: fieldsOf(restartValues(restart), [...at, "restart"], leaf) } }),
    ...(rebuild === undefined ? {} : { rebuild: { fields: fieldsOf(localValues(rebuild), [...at, "rebuild"], leaf) } }),
    ...(hooks === undefined ? {} : { hooks: { fields: fieldsOf(hookValues(hooks), [...at, "hooks"], leaf) } }),
    ...(forward.length === 0
      ? {}
      : {
          forward: {
            list: forward.map((rule, place) => ({ fields: fieldsOf(rule, [...at, "forward", place], leaf) })),
          },
        }),
  };
}

/** As the config has it. */
function restartValues(action: NonNullable<WorkloadPlan["restart"]>): object {
  const { when, roles, order, onFailure, restart } = action;
  return { when, roles, order, onFailure, ...restart };
}

function localValues({ when, command, timeout }: NonNullable<WorkloadPlan["rebuild"]>): object {
  return { when, command, timeout };
}

function hookValues({ before, after }: NonNullable<WorkloadPlan["hooks"]>): object {
  return { before: before?.command, after: after?.command, timeout: (before ?? after)?.timeout };
}

function mappingValues(
  mapping: WorkloadPlan["mappings"][number],
  at: Path,
  place: number,
  leaf: Leaf,
): Record<string, ConfigValue> {
  const { id: _id, fromText: _text, toIsFolder, transportOptions, image, container, ...rest } = mapping;
  const here = [...at, "sync", place];
  const values = fieldsOf({ ...rest, to: toIsFolder ? `${rest.to}/` : rest.to }, here, leaf);
  if (transportOptions !== undefined) {
    values["transport"] = leaf([rest.transport, transportOptions], [...here, "transport"]);
  }
  // The container may be named for the whole workload.
  const named =
    container === undefined
      ? {}
      : { container: leaf(container, [...here, "container"], [...at, "containers", "name"]) };
  const byImage = image === undefined ? {} : { image: leaf(image, [...at, "containers", "image"]) };
  return { ...values, ...named, ...byImage };
}

function fieldsOf(object: object, at: Path, leaf: Leaf): Record<string, ConfigValue> {
  return Object.fromEntries(
    Object.entries(object).flatMap(([key, value]: [string, unknown]) =>
      value === undefined ? [] : [[key, leaf(value, [...at, key])]],
    ),
  );
}
