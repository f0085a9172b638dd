import fc from "fast-check";
import { expect, test } from "vitest";
import { OutputTail } from "../../src/run/output-tail.ts";

test("the end mark of a command is found wherever the output is cut, and is not part of the output", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), fc.nat(255), fc.nat(9), (output, code, step) => {
      const bytes = Buffer.from(`${output}\n0123456789abcdef ${code}\n`);
      let emitted = "";
      const tail = new OutputTail("0123456789abcdef", (text) => (emitted += text));
      for (let at = 0; at < bytes.length; at += step + 1) tail.push(bytes.subarray(at, at + step + 1));
      expect([tail.exitCode, tail.result().output]).toEqual([code, Buffer.from(output).toString()]);
      expect(emitted).toBe(Buffer.from(output).toString());
    }),
  );
});
