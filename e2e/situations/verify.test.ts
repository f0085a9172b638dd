import { expect } from "vitest";
import { container, deployment, IDLE, podSpec } from "../harness/manifests.ts";
import { situation } from "../harness/situation.ts";

const TO = "/work/src";

situation(
  "files changed in one of two pods are found, and brought back on request",
  { timeout: 120_000 },
  async (fixture) => {
    const { kubectl, project } = fixture;
    await fixture.create(deployment("web", 2, podSpec(container(fixture.cluster.image, IDLE))));
    const [changed, other] = await fixture.running(2);
    if (changed === undefined || other === undefined) throw new Error("two pods run");
    await project.writeAll({ "src/a.txt": "one\n", "src/b.txt": "two\n" });
    const kinsync = (...argv: readonly string[]) =>
      fixture.start([...argv, "deploy/web", "--sync", `src:${TO}`, "-n", fixture.namespace]).ended;
    expect((await kinsync("sync")).code).toBe(0);
    expect(await kinsync("verify")).toMatchObject({ code: 0 });
    expect(await kinsync("status")).toMatchObject({ code: 0 });

    const { name } = changed.metadata;
    await kubectl.run([
      "exec",
      name,
      "--",
      "sh",
      "-c",
      `echo changed >${TO}/a.txt; rm ${TO}/b.txt; echo own >${TO}/own`,
    ]);
    const found = await kinsync("verify");
    expect(found.code).toBe(3);
    expect(found.stdout).toMatch(
      /2 paths differ; snapshot 1 of .*; the files were changed in the container after that/,
    );
    expect(found.stdout).toContain(`differs  ${TO}/a.txt\n`);
    expect(found.stdout).toContain(`missing  ${TO}/b.txt\n`);
    expect(found.stdout.match(/as the local files/g)).toHaveLength(1);
    expect(await kubectl.run(["exec", name, "--", "cat", `${TO}/a.txt`])).toBe("changed\n");

    expect(await kinsync("verify", "--fix")).toMatchObject({ code: 0 });
    for (const { metadata } of [changed, other]) {
      expect(await kubectl.run(["exec", metadata.name, "--", "cat", `${TO}/a.txt`, `${TO}/b.txt`])).toBe("one\ntwo\n");
    }
    // It is not kinsync's file.
    expect(await kubectl.run(["exec", name, "--", "cat", `${TO}/own`])).toBe("own\n");
  },
);
