import { KinsyncError } from "@kinsync/core/contract";

/** What people who know kubectl type, and how kinsync does it. */
const COMMANDS: Readonly<Record<string, string>> = {
  apply: "kinsync changes no objects. Use `kubectl apply`; `kinsync up` follows the new pods by itself.",
  cp: "Use `kinsync sync WORKLOAD --sync FROM:TO`, or `kinsync pull WORKLOAD:PATH LOCAL`.",
  delete: "kinsync changes no objects. Use `kubectl delete`.",
  describe: "Use `kinsync explain WORKLOAD`.",
  diff: "Use `kinsync plan`.",
  edit: "kinsync changes no objects. Use `kubectl edit`.",
  exec: "Use `kubectl exec`; commands after a change go into `run` of the config.",
  get: "Use `kinsync tree WORKLOAD`, or `kubectl get`.",
  restart:
    "kinsync restarts no pods. Use `kubectl rollout restart`; commands after a change go into `run` of the config.",
  rollout: "kinsync starts no roll-outs. Use `kubectl rollout`; `kinsync up` follows the new pods by itself.",
  rsync: "Use `kinsync sync WORKLOAD --sync FROM:TO`.",
  watch: "Use `kinsync up`.",
};

const OPTIONS: Readonly<Record<string, string>> = {
  "-A": "kinsync has no option for all namespaces. List the workloads with their namespaces in the config.",
  "--all-namespaces":
    "kinsync has no option for all namespaces. List the workloads with their namespaces in the config.",
  "--dry-run": "Use `kinsync plan`.",
  "--wait": "It is an option of `kinsync sync`; `kinsync up` waits until Ctrl-C.",
  "-c": "Use --container NAME.",
  "-f": "Use --config FILE.",
  "--filename": "Use --config FILE.",
  "-v": "Use -V or --version for the version, --debug for the stack of an error.",
  "-w": "`kinsync up` watches until Ctrl-C.",
  "--watch": "`kinsync up` watches until Ctrl-C.",
};

/** How kinsync does what this command of kubectl does. */
export function hintOfCommand(name: string): string | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
}

/** The same for an option, as it was typed. */
export function hintOfOption(option: string): string | undefined {
  return Object.hasOwn(OPTIONS, option) ? OPTIONS[option] : undefined;
}

/** Words for kinds that people type most. */
const KIND_WORD =
  /^(?:deploy(?:ments?)?|sts|statefulsets?|jobsets?|jobs?|pods?|po|rs|replicasets?|ds|daemonsets?|cronjobs?|cj|svc|services?)$/;

/** `deploy/web`, where somebody typed `deploy web` as with kubectl: a workload of kinsync is one word. */
function joinedWords([kind, name]: readonly string[]): string | undefined {
  if (kind === undefined || name === undefined || !KIND_WORD.test(kind) || name.includes("/")) return undefined;
  return `${kind}/${name}`;
}

/** Throws `KINSYNC_USAGE` if the first two arguments are one workload in two words. */
export function refuseTwoWords(words: readonly string[]): void {
  const joined = joinedWords(words);
  if (joined === undefined) return;
  throw new KinsyncError("KINSYNC_USAGE", `\`${words.slice(0, 2).join(" ")}\` are two words, and a workload is one`, {
    hint: `Write ${joined}.`,
  });
}

/** The same for arguments that a command has no place for. */
export function hintOfArguments(words: readonly string[]): string | undefined {
  const joined = joinedWords(words);
  return joined === undefined ? undefined : `Write ${joined}.`;
}
