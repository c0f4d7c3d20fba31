// One request a line, `{"job": …, "value": …}`; one answer a line: what the client would send, or what it refuses.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { prepare } = await import(pathToFileURL(process.argv[2]).href);

for await (const line of createInterface({ input: process.stdin })) {
  const { job, value } = JSON.parse(line);
  const answer = { sent: JSON.stringify(value), accepted: null, violations: [] };
  try {
    answer.accepted = prepare(job, value, new Date("2026-11-26T09:30:00.500Z"));
  } catch (error) {
    if (error.name !== "InvalidPayloadError") throw error;
    answer.violations = error.violations;
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
