import { describe, expect, test } from "vitest";
import { chooseProxy, isExempt } from "../../../src/cluster/net/proxy.ts";

describe("which proxy", () => {
  const server = { secure: true, hostname: "api.example.com", port: 6443 };

  test.each([
    [{ HTTPS_PROXY: "http://p:1" }, "http://p:1"],
    [{ https_proxy: "p:1" }, "http://p:1"],
    [{ HTTPS_PROXY: "http://upper:1", https_proxy: "http://lower:1" }, "http://upper:1"],
    [{ HTTPS_PROXY: "https://p" }, "https://p:443"],
    [{ HTTPS_PROXY: "socks5h://p" }, "socks5://p:1080"],
    [{ HTTP_PROXY: "http://p:1" }, undefined],
    [{ ALL_PROXY: "http://p:1" }, undefined],
    [{ HTTPS_PROXY: "" }, undefined],
    [{ HTTPS_PROXY: "http://p:1", NO_PROXY: "example.com" }, undefined],
    [{ HTTPS_PROXY: "http://p:1", no_proxy: ".example.com" }, undefined],
  ])("%j", (env, href) => {
    expect(chooseProxy(server, undefined, env)?.href).toBe(href);
  });

  test.each([
    ["127.0.0.1", 6443, "", true],
    ["127.8.8.8", 6443, "", true],
    ["::1", 6443, "", true],
    ["localhost", 6443, "", true],
    ["10.1.2.3", 6443, "", false],
    ["10.1.2.3", 6443, "10.0.0.0/8", true],
    ["11.1.2.3", 6443, "10.0.0.0/8", false],
    ["10.1.2.3", 6443, "10.1.2.3", true],
    ["10.1.2.3", 6443, "10.1.2.3:443", false],
    ["10.1.2.3", 6443, "10.1.2.3:6443", true],
    ["fd00::5", 6443, "fd00::/8", true],
    ["fd00::5", 443, "[fd00::5]:443", true],
    ["fd00::5", 443, "fd00:0::5", true],
    ["api.example.com", 6443, "other.com, EXAMPLE.com", true],
    ["example.com", 6443, ".example.com", false],
    ["example.com", 6443, "*.example.com", false],
    ["api.example.com", 6443, "*.example.com", true],
    ["notexample.com", 6443, "example.com", false],
    ["api.example.com", 6443, "example.com:443", false],
    ["api.example.com.", 6443, "example.com:6443", true],
    ["anything", 1, "*", true],
    ["anything", 1, " , ,:,/8,10.0.0.0/99,", false],
  ])("%s:%d and NO_PROXY %j", (host, port, list, exempt) => {
    expect(isExempt(host, port, list)).toBe(exempt);
  });
});
