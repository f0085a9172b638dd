import { KinsyncError } from "../errors/error.ts";

/** Contexts of clusters on the user's own machine, by the names that their tools give. */
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

/** True if only tools for local clusters give a context this name. */
export function isLocalContext(name: string): boolean {
  return LOCAL.some((pattern) => pattern.test(name));
}

export interface ContextChoice {
  /** Name of the context that would be written to. */
  readonly context: string;
  /** The name that the user gave for this run: naming a context allows writing to it. */
  readonly named: string | undefined;
  /** `contexts` of the config. */
  readonly allowed: readonly string[];
}

/**
 * Refuses to write to a context that is neither local, nor named for this run, nor listed in `contexts` of the config.
 * Throws `KINSYNC_CLUSTER_CONTEXT_REFUSED`.
 */
export function checkContextAllowed({ context, named, allowed }: ContextChoice): void {
  if (named === context || allowed.includes(context) || isLocalContext(context)) return;
  throw new KinsyncError(
    "KINSYNC_CLUSTER_CONTEXT_REFUSED",
    `Refusing to write to context ${JSON.stringify(context)}: it is not a known local cluster, and \`contexts\` of the config does not list it`,
    {
      hint: `To allow it: --context ${quoted(context)}, or contexts: [${JSON.stringify(context)}] in the config.`,
      details: { context, allowed },
    },
  );
}

function quoted(name: string): string {
  return /^[\w@%+=:,./-]+$/.test(name) ? name : JSON.stringify(name);
}
