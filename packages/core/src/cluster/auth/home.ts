import { existsSync } from "node:fs";
import { join } from "node:path";

/**
 * The user's home folder as client-go finds it. On Windows the first of HOME, HOMEDRIVE with HOMEPATH, and USERPROFILE that has a
 * `.kube\config`, else the first that exists; elsewhere HOME.
 * @param platform as `process.platform`
 */
export function homeFolder(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string | undefined {
  const { HOME, HOMEDRIVE, HOMEPATH, USERPROFILE } = env;
  const drive = HOMEDRIVE === undefined || HOMEPATH === undefined ? undefined : HOMEDRIVE + HOMEPATH;
  // A POSIX shell on Windows, such as that of Git, may set HOME alone.
  const folders = (platform === "win32" ? [HOME, drive, USERPROFILE] : [HOME, USERPROFILE]).filter(isSet);
  if (platform !== "win32") return folders[0];
  return (
    folders.find((folder) => existsSync(join(folder, ".kube", "config"))) ?? folders.find(existsSync) ?? folders[0]
  );
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}
