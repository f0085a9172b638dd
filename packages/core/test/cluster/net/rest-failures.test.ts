import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { base64, pem, startApiServer } from "../support/api-server.ts";
import { errorOf, get, makeFolder } from "../support/kubeconfig-file.ts";

describe("a server that does not answer", () => {
  test("connection refused", async () => {
    const server = await startApiServer();
    await server[Symbol.asyncDispose]();
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const error = await errorOf(get(connection));
    expect([error.code, error.retry]).toEqual(["KINSYNC_CLUSTER_UNREACHABLE", "retry"]);
    expect(error.message).toBe(`The API server ${server.url} (context "test") did not answer: connection refused`);
  });

  test("a host name that nobody knows", async () => {
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: "https://nowhere.invalid:6443" });
    const error = await errorOf(get(connection));
    expect(error.code).toBe("KINSYNC_CLUSTER_UNREACHABLE");
    expect(error.message).toMatch(/host name (?:is not known|cannot be looked up)/);
  });

  test("it takes the connection and never speaks TLS", async () => {
    const silent = createServer();
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    await using folder = await makeFolder();
    const server = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    await using connection = await folder.connect({ server }, { timeouts: { connect: 100 } });
    const error = await errorOf(get(connection));
    silent.close();
    expect(error.message).toContain("no connection within 100ms");
  });

  test("it speaks plain HTTP where HTTPS is meant", async () => {
    await using server = await startApiServer({ certificate: undefined });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url.replace("http:", "https:") });
    expect((await errorOf(get(connection))).message).toContain("the server does not use TLS on this port");
  });

  test("it never answers the request", async () => {
    await using server = await startApiServer({ answer: () => undefined });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url }, { timeouts: { idle: 100 } });
    const error = await errorOf(get(connection));
    expect(error.message).toContain("no data for 100ms");
  });

  test("an abort while it is waited for", async () => {
    const stop = new AbortController();
    await using server = await startApiServer({ answer: () => stop.abort() });
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    await expect(get(connection, stop.signal)).rejects.toHaveProperty("name", "AbortError");
  });
});

describe("the server's certificate", () => {
  test.each([
    ["another authority", "server", base64(pem("other-ca.crt")), "its authority is not", "certificate-authority"],
    ["another name", "foreign", base64(pem("ca.crt")), "it is for other names", "it has DNS:elsewhere.kinsync.test"],
    ["expired", "expired", base64(pem("ca.crt")), "it has expired", "certificate-authority"],
  ])("%s", async (_, certificate, data, reason, hint) => {
    await using server = await startApiServer({ certificate });
    await using folder = await makeFolder();
    const cluster = { "certificate-authority-data": data };
    await using connection = await folder.connect({ server: server.url, cluster });
    const error = await errorOf(get(connection));
    expect([error.code, error.retry]).toEqual(["KINSYNC_CLUSTER_CERTIFICATE", "terminal"]);
    expect(error.message).toContain(reason);
    expect(error.hint).toContain(hint);
  });

  test("another name that tls-server-name allows", async () => {
    await using server = await startApiServer({ certificate: "foreign" });
    await using folder = await makeFolder();
    const cluster = { "tls-server-name": "elsewhere.kinsync.test" };
    await using connection = await folder.connect({ server: server.url, cluster });
    expect((await get(connection)).status).toBe(200);
  });

  test("nothing is checked with insecure-skip-tls-verify", async () => {
    await using server = await startApiServer({ certificate: "expired" });
    await using folder = await makeFolder();
    const cluster = { "insecure-skip-tls-verify": true, "certificate-authority-data": undefined };
    await using connection = await folder.connect({ server: server.url, cluster });
    expect((await get(connection)).status).toBe(200);
  });

  test("the authority is a file, and the file is replaced", async () => {
    await using server = await startApiServer();
    await using folder = await makeFolder();
    await folder.write("ca.crt", pem("other-ca.crt"));
    const cluster = { "certificate-authority": "ca.crt", "certificate-authority-data": undefined };
    await using connection = await folder.connect({ server: server.url, cluster });
    expect((await errorOf(get(connection))).code).toBe("KINSYNC_CLUSTER_CERTIFICATE");
    await folder.write("ca.crt", `${pem("ca.crt")}\n`);
    expect((await get(connection)).status).toBe(200);
  });

  test.each([
    [
      "is not a certificate",
      { "certificate-authority-data": base64("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----") },
    ],
    ["cannot be read", { "certificate-authority": "none.crt", "certificate-authority-data": undefined }],
  ])("the authority of the kubeconfig %s", async (why, cluster) => {
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: "https://127.0.0.1:1", cluster });
    const error = await errorOf(get(connection));
    expect(error.code).toBe("KINSYNC_CLUSTER_KUBECONFIG");
    expect(error.message).toContain(why);
  });
});
