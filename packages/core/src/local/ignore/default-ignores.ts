/**
 * Files that do not belong in a container, wherever they are. A mapping's `ignore` can include each of them again (`!`). The names belong to
 * programs: a name that a person may give to data is not among them. See also `PROTECTED_NAMES`.
 */
export const DEFAULT_IGNORES: readonly string[] = [
  // Compiled for another platform than the container's, or stale there.
  "__pycache__",
  "*.pyc",
  "*.pyo",
  // vim (swap files), emacs (locks, backups, auto-save), nano, kate, gedit and GLib, Sublime Text, JetBrains.
  "*.swp",
  "*.swo",
  "*.swx",
  ".*.sw[a-z]",
  "*~",
  ".#*",
  "\\#*#",
  ".*.kate-swp",
  ".goutputstream-*",
  ".subl*.tmp",
  "*___jb_tmp___",
  "*___jb_old___",
  "*___jb_bak___",
  // Jupyter (saves beside the file), LibreOffice, Microsoft Office, Visual Studio.
  ".~*",
  ".ipynb_checkpoints",
  "~$*",
  "*~RF*.TMP",
  // Checkers: flycheck and flymake copy the buffer beside its file.
  "flycheck_*",
  ".flycheck_*",
  "*_flymake.*",
  "*_flymake",
  // Bundlers compile their config beside it: Vite, Vitest, Astro; bundle-require (tsup); Rollup; Bun.
  "*.timestamp-[0-9]*.mjs",
  "*.timestamp-[0-9]*.js",
  "*.bundled_*.mjs",
  "*.bundled_*.cjs",
  "rollup.config-[0-9]*.[cm]js",
  ".*.bun-build",
  // npm and gofmt write beside the file, and rename.
  "package.json.[0-9]*",
  "package-lock.json.[0-9]*",
  "*.go.[0-9]*",
  // macOS.
  ".DS_Store",
  "._*",
  ".AppleDouble",
  ".Spotlight-V100",
  ".Trashes",
  ".fseventsd",
  ".TemporaryItems",
  ".DocumentRevisions-V100",
  "Icon[\r]",
  "*.sb-????????-??????",
  ".*.icloud",
  // Windows.
  "Thumbs.db",
  "ehthumbs.db",
  "[Dd]esktop.ini",
  "$RECYCLE.BIN",
  "System Volume Information",
  // Network and FUSE file systems keep open files under such names after a delete: NFS, CIFS, FUSE, AFS.
  ".nfs[0-9a-f]*",
  ".smb[0-9a-f]*",
  ".cifs[0-9a-f]*",
  ".fuse_hidden*",
  ".__afs*",
  ".Trash-[0-9]*",
  // Programs that copy files: Mutagen, Syncthing, Unison, Nextcloud and ownCloud, Google Drive, browsers.
  ".mutagen-temporary-*",
  ".syncthing.*.tmp",
  "~syncthing~*.tmp",
  ".unison.*.unison.tmp",
  ".*.~[0-9a-f]*",
  ".tmp.drivedownload",
  ".tmp.driveupload",
  "*.crdownload",
];

/**
 * Repositories and installed packages: large, and built for another machine. No rule of a file includes them, since a `.gitignore` that
 * lists what belongs to a project (`*`, `!*.py`) does not mean them; `ignore` of the mapping has to name them (`!node_modules`).
 * Virtual environments of Python have any name, and are known by their `pyvenv.cfg`.
 */
export const PROTECTED_NAMES: ReadonlySet<string> = new Set([
  ".git",
  ".hg",
  ".svn",
  ".jj",
  "node_modules",
  "bower_components",
  ".venv",
]);
