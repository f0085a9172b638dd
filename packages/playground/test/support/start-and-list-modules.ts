// Started by a test in its own process: prints the packages that the start of a playground loads.
import { createRequire } from "node:module";

import { createPlayground } from "../../src/index.ts";

await using _playground = await createPlayground();
const files = Object.keys(createRequire(import.meta.url).cache);
const names = files.map((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file.replaceAll("\\", "/"))?.[1]);
process.stdout.write(JSON.stringify([...new Set(names)]));
