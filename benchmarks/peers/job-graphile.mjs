// graphile-worker, with the local queue and batched completion that its documentation names for throughput.
// The command line and the result are those of job_peer.py.
import { Logger, makeWorkerUtils, run, runMigrations } from "graphile-worker";

const { url, concurrency, batch } = JSON.parse(process.env.PEER);
const logger = new Logger(() => () => {});
const FILL_AT_ONCE = 1_000;
const WARM_UP_JOBS = 50;
const [mode, ...numbers] = process.argv.slice(2);
const count = Number(numbers[0] ?? 0);
const seconds = () => performance.now() / 1000;
const cpuSeconds = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
const epoch = () => (performance.timeOrigin + performance.now()) / 1000;

async function fill() {
  const utils = await makeWorkerUtils({ connectionString: url, logger });
  for (let first = 0; first < count; first += FILL_AT_ONCE) {
    const size = Math.min(FILL_AT_ONCE, count - first);
    await utils.addJobs(Array.from({ length: size }, () => ({ identifier: "noop", payload: { sent_at: 0 } })));
  }
  await utils.release();
  return { units: count };
}

async function produce(intervalS) {
  const utils = await makeWorkerUtils({ connectionString: url, logger });
  const began = seconds();
  const cpuBefore = cpuSeconds();
  for (let number = 0; number < count; number++) {
    const wait = began + number * intervalS - seconds();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    await utils.addJob("noop", { number, sent_at: epoch() });
  }
  const result = { units: count, seconds: seconds() - began, cpu_s: cpuSeconds() - cpuBefore };
  await utils.release();
  return result;
}

async function work() {
  const latencies = [];
  let began, cpuBefore;
  const enough = Promise.withResolvers();
  const noop = ({ sent_at }) => {
    if (latencies.length === 0) [began, cpuBefore] = [seconds(), cpuSeconds()];
    latencies.push(epoch() - sent_at);
    if (latencies.length === count) enough.resolve();
  };
  const preset = {
    worker: {
      connectionString: url,
      concurrentJobs: concurrency,
      maxPoolSize: concurrency + 2,
      pollInterval: 1000,
      ...(batch > 1 && { localQueue: { size: batch }, completeJobBatchDelay: 0 }),
      logger,
    },
  };
  const runner = await run({ preset, taskList: { noop }, noHandleSignals: true });
  await enough.promise;
  await runner.stop();
  const [elapsed, cpu_s] = [seconds() - began, cpuSeconds() - cpuBefore];
  const ordered = latencies.slice(latencies.length > WARM_UP_JOBS ? WARM_UP_JOBS : 0).toSorted((a, b) => a - b);
  const at = (share) => ordered[Math.min(Math.floor(ordered.length * share), ordered.length - 1)] * 1000;
  return { units: latencies.length, seconds: elapsed, cpu_s, p50_ms: at(0.5), p99_ms: at(0.99) };
}

const modes = {
  setup: () => runMigrations({ connectionString: url, logger }).then(() => ({})),
  fill,
  produce: () => produce(Number(numbers[1])),
  work,
};
console.log(`RESULT ${JSON.stringify(await modes[mode]())}`);
process.exit(0);
