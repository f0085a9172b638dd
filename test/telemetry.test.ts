import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");

/** Modules and globals that can open a connection, imported as a value: `import type` is removed when the program is built. */
const NETWORK = [
  /^import (?!type )[^;]*? from "(?:node:)?(?:https?|http2|net|tls|dgram|dns(?:\/promises)?|inspector)";/gm,
  /^import (?!type )[^;]*? from "(?:ws|undici|socks|@kubernetes\/client-node)";/gm,
  /\b(?:import|require|getBuiltinModule)\(\s*"(?:node:)?(?:https?|http2|net|tls|dgram|dns|ws|undici|socks)"/g,
  /(?<![.#\w])fetch\(|\bnew (?:globalThis\.)?(?:WebSocket|EventSource|XMLHttpRequest)\(/g,
];

function sources(): readonly (readonly [path: string, text: string])[] {
  return globSync("packages/*/{src,bin}/**/*.{ts,mjs}", { cwd: ROOT }).map((path) => [
    path.replaceAll("\\", "/"),
    readFileSync(join(ROOT, path), "utf8"),
  ]);
}

test("only the room of the API server's connection, the sockets of a run, and the playground's own server can use the network", () => {
  const users = sources().flatMap(([path, text]) => (NETWORK.some((each) => text.search(each) !== -1) ? [path] : []));
  expect(users.toSorted()).toEqual([
    // The socket on which a running `up` answers programs of the same user, on this machine.
    "packages/cli/src/control/client.ts",
    "packages/cli/src/control/server.ts",
    // Connections to the API server of the kubeconfig, by its proxy; the issuer of an OIDC login goes through the same files.
    "packages/core/src/cluster/net/dial.ts",
    "packages/core/src/cluster/net/http.ts",
    "packages/core/src/cluster/net/proxy.ts",
    "packages/core/src/cluster/net/socket.ts",
    "packages/core/src/cluster/net/socks.ts",
    "packages/core/src/cluster/net/tls.ts",
    // A port on this machine, whose connections go to a member by the connection to the API server.
    "packages/core/src/forward/local-port.ts",
    // Detects a debugger of this process.
    "packages/core/src/plugins/watchdog.ts",
    // An API server that listens on this machine only, and pipes of its containers.
    "packages/playground/src/api/exec.ts",
    "packages/playground/src/api/port-forward.ts",
    "packages/playground/src/api/server.ts",
    "packages/playground/src/runtime/pipes.ts",
  ]);
});

test("no source of the command line or the library names a host to connect to", () => {
  const hosts = sources()
    .filter(([path]) => !path.startsWith("packages/playground/"))
    .flatMap(([, text]) => [
      ...text.replaceAll(/^\s*(?:\*|\/\/|\/\*\*).*$/gm, "").matchAll(/https?:\/\/([\w.-]+\.\w+)/g),
    ])
    .map(([, host = ""]) => host);
  // The hint of the Node version, the name of the JSON schema, and pages of the docs that errors name: all of them are text.
  expect(new Set(hosts)).toEqual(new Set(["nodejs.org", "unpkg.com", "github.com"]));
});
