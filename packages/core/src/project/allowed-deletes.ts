import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { AllowedDeletes } from "../engine/options.ts";
import type { Environment } from "../cluster/auth/kubeconfig.ts";
import { userFolder } from "./user-folder.ts";

/** Limits of the file: the oldest consents are dropped. */
const MAX_PLACES = 100;
const MAX_PATHS = 20_000;
const MAX_BYTES = 16 * 1024 * 1024;

/** A consent as the file holds it. */
interface StoredConsent extends AllowedDeletes {
  /** URL of the API server. */
  readonly server: string;
}

/**
 * Deletes that the user allowed, in a file of the user's state folder, so that a later run does not ask again. Without a home folder, and
 * where the file cannot be read or written, nothing is remembered.
 */
export class AllowedDeletesFile {
  readonly #path: string | undefined;
  readonly #server: string;

  /** @param env `XDG_STATE_HOME`, else `HOME` or `USERPROFILE`, is read from it */
  constructor(env: Environment, server: string) {
    const folder = userFolder(env, "XDG_STATE_HOME");
    this.#path = folder === undefined ? undefined : join(folder, "allowed-deletes.json");
    this.#server = server;
  }

  /** What was allowed in this cluster. */
  async read(): Promise<readonly AllowedDeletes[]> {
    return (await this.#all()).filter(({ server }) => server === this.#server);
  }

  /** Adds a consent. It takes the place of an earlier one for the same workload and container path, and includes its paths. */
  async add(consent: AllowedDeletes): Promise<void> {
    if (this.#path === undefined) return;
    const all = await this.#all();
    const isSamePlace = (each: StoredConsent): boolean =>
      each.server === this.#server &&
      each.workload === consent.workload &&
      each.namespace === consent.namespace &&
      each.to === consent.to;
    const paths = new Set([...all.filter(isSamePlace).flatMap((each) => each.paths), ...consent.paths]);
    const { workload, namespace, to } = consent;
    const added: StoredConsent = { server: this.#server, workload, namespace, to, paths: [...paths] };
    await write(this.#path, bounded([added, ...all.filter((each) => !isSamePlace(each))])).catch(() => undefined);
  }

  async #all(): Promise<readonly StoredConsent[]> {
    if (this.#path === undefined) return [];
    try {
      if ((await stat(this.#path)).size > MAX_BYTES) return [];
      const value: unknown = JSON.parse(await readFile(this.#path, "utf8"));
      const { consents } = value as { readonly consents?: unknown };
      return Array.isArray(consents) ? consents.filter(isConsent) : [];
    } catch {
      return [];
    }
  }
}

/** The newest consents that fit. */
function bounded(consents: readonly StoredConsent[]): readonly StoredConsent[] {
  let left = MAX_PATHS;
  return consents.slice(0, MAX_PLACES).filter(({ paths }) => {
    if (paths.length > left) return false;
    left -= paths.length;
    return true;
  });
}

/** In one step, readable for the user alone. */
async function write(path: string, consents: readonly StoredConsent[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  try {
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ consents })}\n`);
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

function isConsent(value: unknown): value is StoredConsent {
  if (typeof value !== "object" || value === null) return false;
  const { server, workload, namespace, to, paths } = value as Record<string, unknown>;
  const texts = [server, workload, namespace, to].every((each) => typeof each === "string");
  return texts && Array.isArray(paths) && paths.every((path) => typeof path === "string");
}
