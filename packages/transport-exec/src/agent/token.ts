import { randomBytes } from "node:crypto";

/** A word that no other program of the container can guess: 72 bits. */
export function createToken(): string {
  return randomBytes(9).toString("base64url").replaceAll(/[-_]/g, "x");
}
