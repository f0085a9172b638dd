/** Files that do not belong in a container. They come first, so that a mapping's `ignore` can include each of them again (`!`). */
export const DEFAULT_IGNORES: readonly string[] = [
  // Repositories and installed packages: large, and built for another platform than the container's.
  ".git",
  ".hg",
  ".svn",
  "node_modules",
  ".venv",
  "__pycache__",
  "*.pyc",
  "*.pyo",
  // Desktops.
  ".DS_Store",
  "Thumbs.db",
  // vim (it creates 4913 to test whether it can write), emacs, nano.
  "*.swp",
  "*.swo",
  "*.swx",
  "*~",
  "4913",
  ".#*",
  "\\#*#",
  // JetBrains, kate, gedit, Sublime Text.
  "*___jb_tmp___",
  "*___jb_old___",
  ".*.kate-swp",
  ".goutputstream-*",
  ".subl*.tmp",
];
