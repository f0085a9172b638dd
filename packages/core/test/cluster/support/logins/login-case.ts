import { base64, pem } from "../api-server.ts";
import type { Surroundings } from "./surroundings.ts";

/** What a client gets: files, environment and flags. */
export interface LoginSetUp {
  /** The kubeconfig as text or as an object. Default: one context `test` with the parts below. */
  readonly kubeconfig?: string | object | undefined;
  /** Replaces or extends the parts of the default kubeconfig. */
  readonly root?: object;
  readonly context?: object | undefined;
  readonly cluster?: object;
  readonly user?: object;
  /** More files, by their path in the folder. */
  readonly files?: Readonly<Record<string, string | object>>;
  /** Shell scripts: credential plugins by their path in the folder, without the line that notes their run. */
  readonly plugins?: Readonly<Record<string, string>>;
  /** Besides `PATH`, `HOME` and `KUBECONFIG`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: LoginFlags;
  /** The API server refuses this many requests with 401. */
  readonly refusals?: number;
}

/** Flags of kubectl that change a login. */
export interface LoginFlags {
  readonly as?: string;
  readonly asGroups?: readonly string[];
  readonly asUid?: string;
  readonly user?: string;
  readonly cluster?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}

export interface LoginCase {
  readonly name: string;
  readonly setUp: (surroundings: Surroundings) => LoginSetUp;
}

export const CA = base64(pem("ca.crt"));

export function login(name: string, setUp: LoginSetUp | ((surroundings: Surroundings) => LoginSetUp)): LoginCase {
  return { name, setUp: typeof setUp === "function" ? setUp : () => setUp };
}

/** Writes the files of a case, and returns the environment of the client. */
export async function prepare(
  { folder, https, write, refusals }: Surroundings,
  setUp: LoginSetUp,
): Promise<Readonly<Record<string, string>>> {
  const cluster = { server: https.url, "certificate-authority-data": CA, ...setUp.cluster };
  const kubeconfig = setUp.kubeconfig ?? {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    contexts: [{ name: "test", context: setUp.context ?? { cluster: "c", user: "u", namespace: "ml" } }],
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user: setUp.user ?? { token: "t" } }],
    ...setUp.root,
  };
  await write("config", kubeconfig);
  for (const [name, text] of Object.entries(setUp.files ?? {})) await write(name, text);
  for (const [name, body] of Object.entries(setUp.plugins ?? {})) {
    await write(name, `#!/bin/sh\necho ${name} >>'${folder}/runs'\n${body}\n`, 0o755);
  }
  refusals.push(...Array.from({ length: setUp.refusals ?? 0 }, () => 401));
  return {
    PATH: `${folder}/bin:/usr/local/bin:/usr/bin:/bin`,
    HOME: folder,
    KUBECONFIG: `${folder}/config`,
    ...setUp.env,
  };
}
