import { access, readFile, readdir } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { linkName } from "../../teardown.ts";

/** What exists of a cluster outside its namespaces, one line each: control groups, processes, mounts, link and folder. */
export async function leftoversOf(id: string, folder: string): Promise<readonly string[]> {
  const group = `/e2e-${id}-n`;
  const found: string[] = [];
  for (const path of await readdir("/sys/fs/cgroup", { recursive: true }).catch(() => [])) {
    if (/\/e2e-[^/]*$/.test(path) && `/${path}`.includes(group)) found.push(`control group ${path}`);
  }
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const [groups, command] = await Promise.all(
      ["cgroup", "cmdline"].map((name) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "")),
    );
    if (groups?.includes(group) || command?.includes(`${folder}/`)) found.push(`process ${pid} ${command}`);
  }
  const mounts = await readFile("/proc/mounts", "utf8");
  found.push(...mounts.split("\n").filter((line) => line.includes(`${folder}/`)));
  if (networkInterfaces()[linkName(id)] !== undefined) found.push(`link ${linkName(id)}`);
  const exists = await access(folder).then(
    () => true,
    () => false,
  );
  if (exists) found.push(folder);
  return found;
}
