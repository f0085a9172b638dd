/**
 * Names that some file systems do not tell apart (SMB, vfat, APFS): equal but for case and Unicode form. Equal results do not mean that the
 * file system of a container folds names.
 */
export function folded(path: string): string {
  // Upper case first: `ſ` and `s`, and the two small sigmas, have one capital letter.
  return path.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
}

/** Whether the path, or a folder above it, equals one of `names` but for case and Unicode form. @param names folded paths */
export function isFoldedAtOrBelow(path: string, names: ReadonlySet<string>): boolean {
  const name = folded(path);
  if (names.has(name)) return true;
  for (let slash = name.indexOf("/"); slash !== -1; slash = name.indexOf("/", slash + 1)) {
    if (names.has(name.slice(0, slash))) return true;
  }
  return false;
}
