import { KinsyncError } from "../errors/error.ts";

const NEEDED = [22, 22] as const;

/**
 * Checks the version of Node before a config is run: older ones fail on TypeScript with messages about something else.
 * Throws `KINSYNC_CONFIG_PARSE`.
 * @param version as in `process.versions.node`
 */
export function checkNodeVersion(version: string, file: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return;
  throw new KinsyncError(
    "KINSYNC_CONFIG_PARSE",
    `${file} cannot be run: kinsync needs Node ${NEEDED.join(".")} or newer, and this is ${version}`,
    { hint: "Install a newer Node, or write the config as YAML.", details: { file, version } },
  );
}
