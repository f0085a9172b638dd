/** Joins a folder and a name as in a tree. The empty folder is the root. */
export function joinPath(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** The folder and the name of a path. */
export function splitPath(path: string): { readonly folder: string; readonly name: string } {
  const slash = path.lastIndexOf("/");
  return { folder: slash === -1 ? "" : path.slice(0, slash), name: path.slice(slash + 1) };
}
