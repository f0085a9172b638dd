import { describe, expect, test } from "vitest";
import { errorOfStatus } from "@kinsync/core/contract";

function status(code: number, reason: string, message: string, details: object = {}): object {
  return { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message, details };
}

describe("a refusal of the API server", () => {
  test("403 in a namespace names the rule that would grant it", () => {
    const message = 'pods is forbidden: User "dev" cannot list resource "pods" in API group "" in the namespace "ml"';
    const error = errorOfStatus(status(403, "Forbidden", message, { kind: "pods" }), "list pods in namespace ml");
    expect(error.code).toBe("KINSYNC_CLUSTER_FORBIDDEN");
    expect(error.message).toBe(`Cannot list pods in namespace ml: ${message}`);
    expect(error.hint).toContain(
      'a Role in namespace ml with the rule { apiGroups: [""], resources: ["pods"], verbs: ["list"] }',
    );
    expect(error.details["rule"]).toEqual({ apiGroups: [""], resources: ["pods"], verbs: ["list"], namespace: "ml" });
  });

  test("403 at the cluster scope asks for a ClusterRole", () => {
    const message =
      'jobsets.jobset.x-k8s.io is forbidden: User "dev" cannot watch resource "jobsets" in API group "jobset.x-k8s.io" at the cluster scope';
    const error = errorOfStatus(status(403, "Forbidden", message), "watch jobsets");
    expect(error.hint).toContain("a ClusterRole with the rule");
    expect(error.hint).toContain('apiGroups: ["jobset.x-k8s.io"]');
  });

  test("403 for an exec asks for get and create at once", () => {
    const message =
      'pods "a" is forbidden: User "dev" cannot get resource "pods/exec" in API group "" in the namespace "ml"';
    expect(errorOfStatus(status(403, "Forbidden", message), "exec into pod ml/a").hint).toContain(
      'verbs: ["get", "create"]',
    );
  });

  test("403 by an admission webhook keeps its words", () => {
    const error = errorOfStatus(status(403, "Forbidden", "exec is not allowed in namespace prod"), "exec into pod a");
    expect(error.code).toBe("KINSYNC_CLUSTER_FORBIDDEN");
    expect(error.message).toContain("exec is not allowed in namespace prod");
    expect(error.details["rule"]).toBeUndefined();
  });

  test("403 with a page of a proxy is no Status and says so", () => {
    const error = errorOfStatus("<html>", "list pods", { status: 403 });
    expect(error.message).toBe("Cannot list pods: forbidden (403)");
  });

  test("401 is about credentials", () => {
    expect(errorOfStatus(status(401, "Unauthorized", "Unauthorized"), "list pods").code).toBe(
      "KINSYNC_CLUSTER_CREDENTIALS",
    );
  });

  test.each([
    ["a pod", { kind: "pods", name: "a" }, "KINSYNC_TARGET_GONE"],
    ["a namespace", { kind: "namespaces", name: "ml" }, "KINSYNC_RESOLVE_NAMESPACE"],
    ["a workload", { group: "batch", kind: "jobs", name: "a" }, "KINSYNC_RESOLVE_WORKLOAD"],
    ["a kind that is not served", {}, "KINSYNC_RESOLVE_KIND"],
  ])("404 of %s", (_, details, code) => {
    expect(errorOfStatus(status(404, "NotFound", "not found", details), "get it").code).toBe(code);
  });

  test("410 of a watch's ERROR event, without HTTP, is to be tried again", () => {
    const error = errorOfStatus(status(410, "Expired", "too old resource version"), "watch pods");
    expect(error.retry).toBe("retry");
    expect(error.details).toMatchObject({ status: 410, reason: "Expired" });
  });

  test("429 tells how long to wait: the header counts more than the body", () => {
    const body = status(429, "TooManyRequests", "slow down", { retryAfterSeconds: 9 });
    const error = errorOfStatus(body, "list pods", { headers: { "retry-after": "2" } });
    expect(error.code).toBe("KINSYNC_CLUSTER_BUSY");
    expect(error.details["retryAfter"]).toBe(2000);
    expect(errorOfStatus(body, "list pods").details["retryAfter"]).toBe(9000);
  });

  test("a redirect to a login page names the place without its query", () => {
    const error = errorOfStatus(undefined, "list pods", {
      status: 302,
      headers: { location: "https://user:hush@login.example.com/x?token=hush" },
    });
    expect(error.code).toBe("KINSYNC_CLUSTER_ANSWER");
    expect(error.message).toContain("login.example.com");
    expect(error.message).not.toContain("hush");
  });

  test("what the server says cannot steer a terminal", () => {
    const error = errorOfStatus(status(500, "InternalError", "\u001b[2Jboom\nnext\u202e"), "get it");
    expect(error.message).toBe("Cannot get it: [2Jboom next");
  });

  test.each([[null], [42], ["text"], [[]], [{}], [{ kind: "Status", details: null }]])(
    "any body will do: %j",
    (body) => {
      expect(errorOfStatus(body, "get it", { status: 500 }).retry).toBe("retry");
    },
  );
});
