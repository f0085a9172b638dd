import { open, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { OidcTokens } from "./oidc-tokens.ts";

const LOCK_TRIES = 20;

/**
 * Writes renewed OIDC tokens back to the kubeconfig, as kubectl does: many issuers accept a refresh token only once, so that
 * without this the user's next kubectl would have to log in. Comments and everything else stay. The lock is kubectl's.
 */
export async function writeOidcTokens(file: string, user: string, tokens: OidcTokens): Promise<void> {
  const { isMap, isSeq, parseDocument } = await import("yaml");
  const real = await realpath(file);
  await withLock(`${file}.lock`, async () => {
    const document = parseDocument(await readFile(real, "utf8"), { uniqueKeys: false });
    const users = document.get("users");
    if (document.errors.length > 0 || !isSeq(users)) return;
    const index = users.items.findIndex((item) => isMap(item) && item.get("name") === user);
    const path = ["users", index, "user", "auth-provider", "config"];
    if (index < 0 || !document.hasIn(path)) return;
    if (tokens.idToken !== undefined) document.setIn([...path, "id-token"], tokens.idToken);
    if (tokens.refreshToken !== undefined) document.setIn([...path, "refresh-token"], tokens.refreshToken);
    const { mode } = await stat(real);
    const draft = `${real}.kinsync-${process.pid}`;
    try {
      await writeFile(draft, document.toString({ lineWidth: 0 }), { mode: mode & 0o777, flag: "wx" });
      await rename(draft, real);
    } finally {
      await rm(draft, { force: true });
    }
  });
}

async function withLock(lock: string, work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await (await open(lock, "wx", 0o600)).close();
      break;
    } catch (error) {
      const isHeld = error instanceof Error && "code" in error && error.code === "EEXIST";
      if (!isHeld || tries === LOCK_TRIES) throw error;
      await sleep(100);
    }
  }
  try {
    await work();
  } finally {
    await rm(lock, { force: true });
  }
}
