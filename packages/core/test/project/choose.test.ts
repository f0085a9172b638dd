import { expect, test } from "vitest";
import type { WorkloadConfig } from "../../src/contract/config.ts";
import { chooseWorkloads, type Choice } from "../../src/project/choose.ts";
import { failure } from "../config/support/folder.ts";
import { DEPLOYMENTS, STATEFULSETS } from "../support/objects.ts";

const sync = [{ from: "src", to: "/app" }];

/** `NAME` or `NAMESPACE:NAME`. */
function entries(names: readonly string[]): readonly WorkloadConfig[] {
  return names.map((text) => {
    const [name = "", namespace] = text.split(":").toReversed();
    return { workload: name, sync, ...(namespace === undefined ? {} : { namespace }) };
  });
}

const TWO = ["a:deploy/web", "b:deploy/web"];

test.each<[situation: string, config: readonly string[], choice: Partial<Choice>, chosen: readonly number[]]>([
  ["without a name all are chosen", ["deploy/web", "sts/db"], {}, [0, 1]],
  ["a name chooses its entry", ["deploy/web", "sts/db"], { name: "sts/db" }, [1]],
  ["another name of the same workload chooses it, too", ["deployments.apps/web"], { name: "deploy/web" }, [0]],
  ["a name that the config does not have chooses none", ["deploy/web"], { name: "deploy/other" }, []],
  ["one name in two namespaces is two workloads", TWO, { name: "deploy/web" }, [0, 1]],
  ["the namespace chooses between them", TWO, { name: "deploy/web", namespace: "b" }, [1]],
  ["also where no name is given", [...TWO, "sts/db"], { namespace: "b" }, [1, 2]],
  ["also under another name", ["a:deploy/web", "b:deployment/web"], { namespace: "b" }, [1]],
  ["a single entry takes the namespace that is asked for", ["a:deploy/web"], { namespace: "b" }, [0]],
])("%s", async (_situation, config, choice, chosen) => {
  const found = await chooseWorkloads(entries(config), { name: undefined, namespace: undefined, ...choice }, () =>
    Promise.resolve([DEPLOYMENTS, STATEFULSETS]),
  );
  expect(found.map(({ index }) => index)).toEqual(chosen);
});

test("a namespace that none of several entries has is refused", async () => {
  const error = await failure(
    chooseWorkloads(entries(TWO), { name: "deploy/web", namespace: "c" }, () => Promise.resolve([])),
  );
  expect(error).toMatchObject({
    code: "KINSYNC_USAGE",
    message: "deploy/web is in several namespaces of the config (a, b), and c is none of them",
  });
});

test("plugins are loaded only for a name that the config does not have as it stands", async () => {
  let loads = 0;
  const load = () => Promise.resolve((loads++, []));
  const none = { name: undefined, namespace: undefined };
  await chooseWorkloads(entries(TWO), { ...none, name: "deploy/web" }, load);
  await chooseWorkloads(entries(TWO), none, load);
  await chooseWorkloads([], { ...none, name: "deploy/web" }, load);
  expect(loads).toBe(0);
  await chooseWorkloads(entries(TWO), { ...none, name: "deployment/web" }, load);
  expect(loads).toBe(1);
});
