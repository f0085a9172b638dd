import { posix } from "node:path";
import type { SessionFacts } from "../../contract/session.ts";
import { resolveIn } from "../../mapping/container-path.ts";
import { systemFolderAt, systemFolderError } from "../../mapping/system-folders.ts";
import type { DesiredRoot } from "./desired-state.ts";

/**
 * Refuses a mapped path that is a folder of the system, before anything is written. A relative path can be judged only now.
 * @param target `pod/NAME, container NAME`
 * @throws `KINSYNC_CONFIG_SYSTEM_FOLDER`
 */
export function refuseSystemFolder({ mapping, spec }: DesiredRoot, facts: SessionFacts, target: string): void {
  const full = spec.shape === "file" ? posix.join(spec.path, spec.fileName ?? "") : spec.path;
  const path = resolveIn(facts.workingDirectory, full);
  if (!posix.isAbsolute(path)) return;
  const what = systemFolderAt(path, spec.shape);
  if (what !== undefined) throw systemFolderError(`${target}: \`to\` of ${mapping.id}`, path, what);
}
