import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { expect } from "vitest";
import type { Fixture } from "../harness/fixture.ts";
import type { KinsyncProcess } from "../harness/kinsync-process.ts";
import { container, IDLE, podSpec, statefulSet } from "../harness/manifests.ts";
import { grantPrintedRoles } from "../harness/printed-roles.ts";
import { situation } from "../harness/situation.ts";

/** Ports of the playground's containers are ports of the machine. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

const UUID = /^[\da-f]{8}-[\da-f-]{27}$/;

/** Serves a name of its process on a port of `localhost` that other pods do not reach. */
function serving(port: number): string {
  return `mkdir -p /tmp/www; cat /proc/sys/kernel/random/uuid >/tmp/www/start; echo $VERSION >/tmp/www/version; busybox httpd -p 127.0.0.1:${port} -h /tmp/www; ${IDLE}`;
}

interface Served {
  readonly port: number;
  readonly kinsync: KinsyncProcess;
  /** What a new connection gets. */
  readonly read: (file: "start" | "version") => Promise<string>;
}

/** One pod behind a forwarded port. */
async function served(fixture: Fixture): Promise<Served> {
  const port = await freePort();
  const main = container(fixture.cluster.image, serving(port), { env: [{ name: "VERSION", value: "1" }] });
  await fixture.create(statefulSet("web", 1, podSpec(main)));
  await fixture.running(1);
  await grantPrintedRoles(fixture, "sts/web", "--forward");
  const kinsync = fixture.start(["forward", "sts/web", `:${port}`, "-o", "json"]);
  const opened = await kinsync.until("the port is open", ({ event }) => event === "forward-opened");
  await kinsync.until("a member is known", ({ event, pod }) => event === "forward-target" && pod === "web-0");
  const local = String((opened as { readonly localPort?: number }).localPort);
  const read: Served["read"] = async (file) => {
    // Each request on a connection of its own.
    const response = await fetch(`http://127.0.0.1:${local}/${file}`, { headers: { connection: "close" } });
    return (await response.text()).trim();
  };
  return { port, kinsync, read };
}

situation("a forwarded port follows a restarted container", { timeout: 240_000 }, async (fixture) => {
  const { read } = await served(fixture);
  const first = await fixture.until("the port answers", () => read("start"));
  expect(first).toMatch(UUID);
  // The container may end before the answer of the command.
  await fixture.kubectl.run(["exec", "web-0", "--", "kill", "1"]).catch(() => "");
  const isAnother = async (): Promise<boolean> => {
    const now = await read("start");
    return now !== first && UUID.test(now);
  };
  await fixture.until("the new process answers", isAnother, { timeout: 120_000 });
});

situation("a forwarded port leads to the new pod after a roll-out", { timeout: 300_000 }, async (fixture) => {
  const { kinsync, read } = await served(fixture);
  await fixture.until("the port answers", () => read("version"));
  const before = (await fixture.kubectl.pods())[0]?.metadata.uid;
  await fixture.kubectl.run(["set", "env", "sts/web", "VERSION=2"]);
  const isNew = async (): Promise<boolean> => (await read("version")) === "2";
  await fixture.until("the new pod answers", isNew, { timeout: 120_000 });
  const target = kinsync.events.filter(({ event }) => event === "forward-target").at(-1);
  expect(target?.pod).toBe("web-0");
  expect(target?.uid).not.toBe(before);
});

situation("a port on which nothing listens is reported", { timeout: 180_000 }, async (fixture) => {
  const { port } = await served(fixture);
  const unused = await freePort();
  expect(unused).not.toBe(port);
  const kinsync = fixture.start(["forward", "sts/web", `:${unused}`, "-o", "json"]);
  const opened = await kinsync.until("the port is open", ({ event }) => event === "forward-opened");
  await kinsync.until("a member is known", ({ event, pod }) => event === "forward-target" && pod === "web-0");
  const local = String((opened as { readonly localPort?: number }).localPort);
  await expect(fetch(`http://127.0.0.1:${local}/`)).rejects.toThrow("fetch failed");
  const failed = await kinsync.until("the connection failed", ({ event }) => event === "forward-failed");
  expect(failed).toMatchObject({
    code: "KINSYNC_FORWARD_REFUSED",
    reason: `Port ${unused} of pod ${fixture.namespace}/web-0 cannot be reached: nothing listens on it (connection refused)`,
  });
});
