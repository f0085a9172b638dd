import type { ExplainedPod, Explanation } from "@kinsync/core";
import { KinsyncError } from "@kinsync/core/contract";
import { nearest } from "@kinsync/core/config";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import { createPaint } from "../render/color.ts";
import type { Paint } from "../render/color.ts";
import { stateWord } from "../render/state.ts";
import { clean, cleanData } from "../render/text.ts";
import { readWorkload } from "../setup/read-workload.ts";
import type { ClusterOptions } from "../setup/options.ts";
import { formatProblem, formatShared, formatTitle } from "./tree.ts";

/** Shows why each pod is a target or not, also those that were left out. Only reads. */
export async function runExplain(
  workload: string,
  pod: string | undefined,
  options: ClusterOptions,
  io: Io,
): Promise<number> {
  const { explainWorkload } = await import("@kinsync/core");
  const explanation = await readWorkload(workload, options, io, ({ found, transport, ...rest }) =>
    explainWorkload({
      ...rest,
      ref: found.ref,
      kind: found.kind,
      signal: io.signal,
      ...(transport === undefined ? {} : { targets: { transport } }),
    }),
  );
  const [problem] = explanation.workload.problems;
  if (problem !== undefined && explanation.members.length === 0) throw problemError(problem);
  const shown = pod === undefined ? explanation : { ...explanation, members: [podOf(explanation, pod)] };
  if (options.json) {
    io.stdout.write(`${JSON.stringify(cleanData(shown))}\n`);
    return EXIT.done;
  }
  const paint = createPaint(io.stdout, io.env, options.color);
  for (const line of formatExplanation(shown, paint)) io.stdout.write(`${line}\n`);
  return EXIT.done;
}

function problemError(problem: Explanation["workload"]["problems"][number]): KinsyncError {
  return new KinsyncError(problem.code as KinsyncError["code"], problem.message, { hint: problem.hint });
}

function podOf({ members, workload }: Explanation, wanted: string): ExplainedPod {
  const name = wanted.replace(/^pods?\//, "");
  const found = members.find(({ pod }) => pod === name);
  if (found !== undefined) return found;
  const near = nearest(
    name,
    members.map(({ pod }) => pod),
  );
  throw new KinsyncError(
    "KINSYNC_RESOLVE_WORKLOAD",
    `No pod ${name} in namespace ${workload.namespace} matches ${workload.kind} ${workload.name} by owner, label or name`,
    { hint: near === undefined ? `See kinsync explain without a pod.` : `Did you mean ${near}?` },
  );
}

/** Every pod that could be meant, with what it is and why, as lines. */
function formatExplanation({ workload, members }: Explanation, paint: Paint): readonly string[] {
  return [
    formatTitle(workload, paint),
    ...workload.notes.map(({ message }) => paint("yellow", clean(message))),
    ...workload.problems.map((problem) => formatProblem(problem, paint)),
    ...(members.length === 0 ? ["No pod matches it by owner, label or name."] : []),
    ...members.flatMap((member) => formatPod(member, paint)),
  ];
}

function formatPod(member: ExplainedPod, paint: Paint): readonly string[] {
  const part = [member.role, member.index].filter((each) => each !== undefined).map(clean);
  const place = part.length === 0 ? "" : ` (${part.join(" ")})`;
  const owners = member.owners.map(({ kind, name, uid }) => `${clean(kind)} ${clean(name)} (${clean(uid)})`);
  const targets = member.targets.map(({ container, status, reason }) =>
    status === "running" ? clean(container) : `${clean(container)} (${clean(reason ?? status)})`,
  );
  return [
    "",
    `${paint("bold", clean(member.pod))}${place}  ${stateWord(member.state, paint)}: ${clean(member.reason)}`,
    `  uid       ${clean(member.uid)}`,
    `  code      ${clean(member.code)}`,
    `  matches   ${member.matches.length === 0 ? "nothing" : member.matches.join(", ")}`,
    `  owners    ${owners.length === 0 ? "none" : owners.join(" <- ")}`,
    `  target    ${targets.length === 0 ? "none" : targets.join(", ")}`,
    ...member.targets.flatMap(({ shared }) => shared.map((each) => `  shared    ${formatShared(each)}`)),
    ...Object.entries(member.evidence).map(([key, value]) => `  ${paint("dim", clean(key))} = ${clean(String(value))}`),
  ];
}
