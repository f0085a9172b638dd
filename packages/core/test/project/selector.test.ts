import { expect, test } from "vitest";
import type { KinsyncConfig } from "../../src/contract/config.ts";
import { failure } from "../config/support/folder.ts";
import { object, TEAMS } from "../support/objects.ts";
import { createFixture } from "./support/fixture.ts";

const sync = [{ from: "src", to: "/app" }];
const inline: KinsyncConfig = {
  workloads: [
    { workload: "team/train", sync },
    { workload: "team/serve", sync },
  ],
};

async function labelled() {
  const fixture = await createFixture();
  fixture.cluster.put(object(TEAMS, "serve", { labels: { app: "web", tier: "front" } }));
  return fixture;
}

test("a selector chooses workloads of the config by the labels of their objects", async () => {
  await using fixture = await labelled();
  const project = await fixture.open({ inline, flags: { selector: "app=web,tier in (front, back)" } });
  expect(project.workloads.map(({ name }) => name)).toEqual(["team/serve"]);
});

test("a resource alone with a selector names its objects", async () => {
  await using fixture = await labelled();
  const project = await fixture.open({ flags: { workloads: ["team"], selector: "app=web", sync: ["src:/app"] } });
  expect(project.workloads).toMatchObject([{ name: "team/serve", mappings: [{ id: "team/serve sync[0]" }] }]);
});

test("a selector that fits nothing is refused", async () => {
  await using fixture = await labelled();
  const error = await failure(fixture.open({ inline, flags: { selector: "app=db" } }));
  expect(error).toMatchObject({
    code: "KINSYNC_USAGE",
    message: 'The selector "app=db" fits none of team/train, team/serve',
  });
});

test("several workloads of the command line get the mappings of --sync each", async () => {
  await using fixture = await createFixture();
  const flags = { workloads: ["team/train", "team/serve"], sync: ["src:/app"] };
  const project = await fixture.open({ flags });
  expect(project.workloads.map(({ name, mappings }) => [name, mappings[0]?.id])).toEqual([
    ["team/train", "team/train sync[0]"],
    ["team/serve", "team/serve sync[0]"],
  ]);
});

test("one of several names that the config does not have is named", async () => {
  await using fixture = await createFixture({
    "kinsync.config.yaml": "workloads: [{ workload: team/train, sync: [{ from: src, to: /app }] }]",
  });
  const error = await failure(fixture.open({ flags: { workloads: ["team/train", "team/other"] } }));
  expect(error.message).toBe("team/other is not in kinsync.config.yaml, which lists team/train");
});
