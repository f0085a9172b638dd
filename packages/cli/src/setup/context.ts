import { KinsyncError } from "@kinsync/core/contract";

/** Contexts of clusters that run on the user's own machine, by the names that their tools give. */
const LOCAL: readonly RegExp[] = [
  /^kind-.+$/,
  /^k3d-.+$/,
  /^minikube$/,
  /^docker-desktop$/,
  /^docker-for-desktop$/,
  /^rancher-desktop$/,
  /^orbstack$/,
  /^(?:kinsync-)?playground$/,
];

/** True if the name is one that only tools for local clusters give. */
export function isLocalContext(name: string): boolean {
  return LOCAL.some((pattern) => pattern.test(name));
}

export interface ContextChoice {
  /** Name of the context that would be written to. */
  readonly context: string;
  /** `--context`, as given: naming a context is consent. */
  readonly named: string | undefined;
  /** `contexts` of the config. */
  readonly allowed: readonly string[];
}

/**
 * Refuses to write into containers of a cluster that nobody said may be written to: neither local, nor named with `--context`,
 * nor in `contexts` of the config. Throws `KINSYNC_CLUSTER_CONTEXT_REFUSED`.
 */
export function checkContextAllowed({ context, named, allowed }: ContextChoice): void {
  if (named === context || allowed.includes(context) || isLocalContext(context)) return;
  throw new KinsyncError(
    "KINSYNC_CLUSTER_CONTEXT_REFUSED",
    `The current context ${context} is not known to be a local cluster, and kinsync changes files only where it may`,
    {
      hint: `If you mean it: --context ${quoted(context)}, or contexts: [${JSON.stringify(context)}] in the config.`,
      details: { context, allowed },
    },
  );
}

function quoted(name: string): string {
  return /^[\w@%+=:,./-]+$/.test(name) ? name : JSON.stringify(name);
}
