import { expect, test } from "vitest";
import { defineTransport, type TransportPlugin } from "@kinsync/core/contract";
import { lazyTransport } from "../../src/plugins/host-lazy-transport.ts";
import { loadedTransports, loadTransport } from "../../src/plugins/host.ts";

function mailTransport(name = "mail"): TransportPlugin {
  return defineTransport({ name, open: () => Promise.reject(new Error("not opened")) });
}

test("a lazy transport imports its code once, for all callers", async () => {
  let imports = 0;
  const transport = mailTransport();
  const lazy = lazyTransport({
    name: "mail",
    load: () => {
      imports += 1;
      return Promise.resolve(transport);
    },
  });
  expect(loadedTransports([lazy])).toEqual([]);
  expect(await Promise.all([loadTransport(lazy), lazy.load()])).toEqual([transport, transport]);
  expect(loadedTransports([lazy, mailTransport("other")]).map(({ name }) => name)).toEqual(["mail", "other"]);
  expect(imports).toBe(1);
});

test("a package with another name, of another sort, or that fails is refused by name", async () => {
  const renamed = lazyTransport({ name: "post", load: () => Promise.resolve(mailTransport()) });
  await expect(renamed.load()).rejects.toMatchObject({ code: "KINSYNC_PLUGIN_SHAPE", plugin: "post" });
  const none = lazyTransport({ name: "none", load: () => Promise.resolve({} as TransportPlugin) });
  await expect(none.load()).rejects.toMatchObject({ code: "KINSYNC_PLUGIN_SHAPE" });
  const broken = lazyTransport({ name: "broken", load: () => Promise.reject(new Error("no such file")) });
  await expect(broken.load()).rejects.toMatchObject({ code: "KINSYNC_PLUGIN_FAILED", plugin: "broken" });
});
