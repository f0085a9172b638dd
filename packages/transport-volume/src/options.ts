import { KinsyncError } from "@kinsync/core/contract";

/** Options of a mapping: `transport: [volume, { … }]`. */
export interface VolumeOptions {
  /** Name of the pod that writes. It mounts the claim and is in the namespace of the workload. Default: a member. */
  readonly pod?: string;
  /** Label selector of the pods of which one writes, as kubectl takes it: `app=sync-helper`. */
  readonly selector?: string;
  /** Container of that pod. Default: the first that mounts the claim and may write. */
  readonly container?: string;
}

const KEYS = ["pod", "selector", "container"] as const;

/** @throws `KINSYNC_CONFIG_INVALID` for an unknown key, or a value that is not a text */
export function parseOptions(options: Readonly<Record<string, unknown>>): VolumeOptions {
  const unknown = Object.keys(options).find((key) => !(KEYS as readonly string[]).includes(key));
  if (unknown !== undefined) throw invalid(`it has no option ${JSON.stringify(unknown)}`);
  for (const key of KEYS) {
    const value = options[key];
    if (value !== undefined && (typeof value !== "string" || value === "")) throw invalid(`\`${key}\` is not a text`);
  }
  const { pod, selector, container } = options as VolumeOptions;
  if (pod !== undefined && selector !== undefined) throw invalid("`pod` and `selector` exclude each other");
  if (container !== undefined && pod === undefined && selector === undefined) {
    throw invalid("`container` needs `pod` or `selector`");
  }
  return {
    ...(pod === undefined ? {} : { pod }),
    ...(selector === undefined ? {} : { selector }),
    ...(container === undefined ? {} : { container }),
  };
}

function invalid(why: string): KinsyncError {
  return new KinsyncError("KINSYNC_CONFIG_INVALID", `the options of the transport volume are wrong: ${why}`, {
    hint: 'For example: transport: [volume, { pod: "sync-helper" }]',
  });
}
