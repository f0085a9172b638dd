import type { Member } from "../resolve/resolution.ts";
import { refusalOf } from "./entry-path.ts";

/**
 * Local folders of members that are pulled together: `head`, `worker-3`, of a JobSet `worker-0-3`; the name of the pod where role and
 * index are missing, or those of several.
 */
export function folderNames(members: readonly Pick<Member, "role" | "index" | "name">[]): readonly string[] {
  const names = members.map(({ role, index, name }) => {
    const parts = [role, index].filter((each) => each !== undefined && each !== "");
    const text = parts.join("-").replaceAll("/", "-");
    return text === "" || refusalOf(text) !== undefined ? name : text;
  });
  return names.map((name, at) =>
    names.filter((each) => each.toLowerCase() === name.toLowerCase()).length > 1 ? (members[at]?.name ?? name) : name,
  );
}
