import { resolve } from "node:path";
import { KinsyncError } from "@kinsync/core/contract";
import type { KindPlugin } from "@kinsync/core/contract";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import { createPaint } from "../render/color.ts";
import { clean, cleanData } from "../render/text.ts";
import type { ClusterOptions } from "../setup/options.ts";
import { fileProblem } from "../setup/file-problem.ts";
import { projectOptions } from "../setup/project.ts";

/** Checks the files of rules of a folder as the conformance kit does. Connects to no cluster. */
export async function runKindsTest(folder: string, options: ClusterOptions, io: Io): Promise<number> {
  const { testKindFolder } = await import("@kinsync/core/testing");
  const path = resolve(io.cwd, folder);
  const kinds = await availableKinds(options, io);
  let results: Awaited<ReturnType<typeof testKindFolder>>;
  try {
    results = await testKindFolder(path, { kinds });
  } catch (error) {
    if (!(error instanceof Error) || "code" in error) {
      throw fileProblem(error, `${path} cannot be read`, "Name a folder with NAME.kind.yaml and fixtures/.");
    }
    throw new KinsyncError("KINSYNC_USAGE", error.message, {
      hint: "A folder has NAME.kind.yaml, and in fixtures/CASE/ the files objects.yaml and expected.yaml.",
      cause: error,
    });
  }
  const failed = results.filter(({ problem }) => problem !== undefined);
  if (options.json) {
    for (const { name, problem } of results) {
      io.stdout.write(
        `${JSON.stringify(cleanData({ name, passed: problem === undefined, problem: problem ?? null }))}\n`,
      );
    }
  } else {
    const paint = createPaint(io.stdout, io.env, options.color);
    for (const { name, problem } of failed) {
      io.stdout.write(`${paint("red", "failed")}  ${clean(name)}\n`);
      for (const line of (problem ?? "").split("\n")) io.stdout.write(`  ${clean(line)}\n`);
    }
    io.stdout.write(`${results.length - failed.length} passed, ${failed.length} failed\n`);
  }
  return failed.length === 0 ? EXIT.done : EXIT.usage;
}

/** For children that the rules leave to other kinds. */
async function availableKinds(options: ClusterOptions, io: Io): Promise<readonly KindPlugin[]> {
  const { loadKinds } = await import("@kinsync/core/project");
  const { kinds } = await loadKinds(projectOptions(options, io, {}));
  return await Promise.all(kinds.map(async (kind) => (kind.type === "kind" ? kind : await kind.load())));
}
