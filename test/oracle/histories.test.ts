import { test } from "vitest";
import { ORACLES } from "./oracles.ts";
import { assertHistories, HISTORIES } from "./player/check.ts";

/** A history takes a few milliseconds; a failure is shortened, which takes some hundred histories more. */
const LIMIT_MS = 60_000 + HISTORIES * 60;

test.each(ORACLES)(
  "in random histories of $name, files go to exactly the pods that its controller wants",
  (oracle) => {
    assertHistories(oracle);
  },
  LIMIT_MS,
);
