import { describe, expect, test } from "vitest";
import { systemFolderAt } from "../../src/mapping/system-folders.ts";

describe("a mapped folder is refused at", () => {
  test.each([
    ["/", "the root of the container"],
    ["//", "the root of the container"],
    ["/bin", "a system folder"],
    ["/sbin/", "a system folder"],
    ["/lib", "a system folder"],
    ["/lib64", "a system folder"],
    ["/usr", "a system folder"],
    ["/usr/bin", "a system folder"],
    ["/usr/lib", "a system folder"],
    ["/usr/local/bin", "a system folder"],
    ["/etc", "a system folder"],
    ["/run", "a system folder"],
    ["/var", "a system folder"],
    ["/boot", "a system folder"],
    ["/dev", "a file system of the kernel"],
    ["/proc/1/root", "a file system of the kernel"],
    ["/sys/fs", "a file system of the kernel"],
    ["/root", "a home folder"],
    ["/home", "a home folder"],
    ["/home/ada", "a home folder"],
  ])("%s", (path, what) => {
    expect(systemFolderAt(path, "directory")).toBe(what);
  });
});

test.each([
  "/app",
  "/usr/src",
  "/usr/src/app",
  "/usr/share/nginx/html",
  "/usr/lib/node_modules/app",
  "/etc/nginx/conf.d",
  "/var/www",
  "/var/www/html",
  "/opt",
  "/opt/x",
  "/srv",
  "/home/ada/app",
  "/root/app",
  "/library",
  "/binaries",
  "/dev/shm/cache",
  "/tmp",
])("a folder may be mapped to %s", (path) => {
  expect(systemFolderAt(path, "directory")).toBeUndefined();
});

test.each(["/etc/app.yaml", "/usr/local/bin/tool", "/a.py", "/home/ada.txt", "/root/.bashrc", "/home/ada/.bashrc"])(
  "a single file may be mapped to %s",
  (path) => {
    expect(systemFolderAt(path, "file")).toBeUndefined();
  },
);

test.each(["/etc", "/usr/bin", "/proc/sys/x", "/dev/null", "/root"])("a single file is refused at %s", (path) => {
  expect(systemFolderAt(path, "file")).toBeDefined();
});
