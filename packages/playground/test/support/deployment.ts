/** A Deployment with one container, as a client sends it. */
export function deployment(name: string): Record<string, unknown> {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: "app", image: "app:1", env: [{ name: "A", value: "1" }] }] },
      },
    },
  };
}
