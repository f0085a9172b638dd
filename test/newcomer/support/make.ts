import { sep } from "node:path";
import type { Playground } from "../../../packages/cli/test/support/playground.ts";
import { createWorkplace } from "../../../packages/cli/test/support/run.ts";
import type { Ran } from "../../../packages/cli/test/support/run.ts";
import type { Mistake } from "./mistake.ts";

/** Makes a mistake, in a folder of its own. The folder has the name `FOLDER` in what is returned. */
export async function make(mistake: Mistake, playground: Playground, signal: AbortSignal): Promise<Ran> {
  await using place = await createWorkplace({ "src/main.py": "print(1)\n", ...mistake.files });
  // Runs of other tests on this machine are not seen.
  await using own = await createWorkplace({});
  const prepared = await mistake.prepare?.({ playground, place });
  try {
    const argv = typeof mistake.line === "string" ? mistake.line.split(" ") : mistake.line;
    const options = {
      env: { KUBECONFIG: playground.kubeconfigPath, TMPDIR: own.path, XDG_RUNTIME_DIR: own.path, ...prepared?.env },
      signal,
    };
    const ran = await (mistake.isProcess === true ? place.runBin(argv, options) : place.run(argv, options));
    const named = (text: string): string =>
      text.replaceAll(`${place.path}${sep}`, "FOLDER/").replaceAll(place.path, "FOLDER");
    return { code: ran.code, stdout: named(ran.stdout), stderr: named(ran.stderr) };
  } finally {
    prepared?.end?.();
  }
}
