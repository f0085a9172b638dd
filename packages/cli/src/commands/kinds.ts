import type { ListedKind, ListedRead } from "@kinsync/core/project";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import { createPaint } from "../render/color.ts";
import { formatColumns } from "../render/columns.ts";
import { widthOf, wrap } from "../render/fit.ts";
import { clean, cleanData } from "../render/text.ts";
import { BUILT_IN } from "../setup/built-in-kinds.ts";
import type { ClusterOptions } from "../setup/options.ts";
import { projectOptions } from "../setup/project.ts";

const OTHERS =
  "Each kind also reads its workload and pods; `kinsync rbac KIND/NAME` prints the Role. A workload of any other kind works, too: every live pod " +
  "that it owns gets files, without roles, and also during a rollout.";

/** Lists the kinds that are available here. Connects to no cluster. */
export async function runKinds(options: ClusterOptions, io: Io): Promise<number> {
  const { listKinds } = await import("@kinsync/core/project");
  const kinds = await listKinds(projectOptions(options, io, {}));
  if (options.json) {
    io.stdout.write(`${JSON.stringify(cleanData({ kinds: kinds.map(toJson) }))}\n`);
    return EXIT.done;
  }
  const paint = createPaint(io.stdout, io.env, options.color);
  const width = io.stdout.isTTY === true ? (io.stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
  const rows = [["KIND", "VERSION", "NAMES", "READS", "MEMBERS"], ...kinds.map(cellsOf)];
  const table = formatColumns(rows);
  const fits = table.every((line) => widthOf(line) <= width);
  const [head = "", ...lines] = table;
  const shown = fits ? [paint("dim", head), ...lines] : kinds.flatMap((kind) => blockOf(cellsOf(kind), width));
  for (const line of [...shown, "", ...wrap(OTHERS, width)]) io.stdout.write(`${line}\n`);
  return EXIT.done;
}

/** Kind, versions, names, what it reads, what its members have. */
function cellsOf(kind: ListedKind): readonly [string, string, string, string, string] {
  const { root, reads } = kind;
  const versions = [root.version, ...(root.versions ?? [])];
  const text = versions.map((version) => (root.group === "" ? version : `${root.group}/${version}`)).join(", ");
  const names = [...(root.shortNames ?? []), root.plural].join(", ");
  return [
    clean(root.kind),
    clean(text),
    clean(names),
    reads.length === 0 ? "-" : reads.map(readOf).map(clean).join(", "),
    clean(membersOf(kind)),
  ];
}

function readOf({ resource, isOptional }: ListedRead): string {
  return isOptional ? `${resource} (optional)` : resource;
}

/** For a terminal that is too narrow for the table. */
function blockOf(
  [kind, versions, names, reads, members]: ReturnType<typeof cellsOf>,
  width: number,
): readonly string[] {
  return [
    ...wrap(`${kind} (${versions}; ${names})`, width),
    ...wrap(`reads: ${reads}`, width, 4),
    ...wrap(`members: ${members}`, width, 4),
  ];
}

function membersOf({ name, origin, roles }: ListedKind): string {
  const builtIn = origin === "built-in" ? BUILT_IN.find((each) => each.name === name) : undefined;
  if (builtIn !== undefined) return builtIn.members;
  return roles.length === 0 ? "see its documentation" : `role: ${roles.join(", ")}`;
}

function toJson(kind: ListedKind): object {
  const { name, origin, root, roles, reads, permissions } = kind;
  return {
    name,
    origin,
    group: root.group,
    versions: [root.version, ...(root.versions ?? [])],
    kind: root.kind,
    plural: root.plural,
    shortNames: root.shortNames ?? [],
    roles,
    members: membersOf(kind),
    reads: reads.map(({ resource, isOptional, isDelegated }) => ({
      resource,
      optional: isOptional,
      delegated: isDelegated,
    })),
    rbac: permissions.map(({ apiGroups, resources, verbs, isOptional }) => ({
      apiGroups,
      resources,
      verbs,
      optional: isOptional,
    })),
  };
}
