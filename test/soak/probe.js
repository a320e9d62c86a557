// Loaded into the process under test by --import. Counts what it holds when asked, and moves its wall clock.
import v8 from 'node:v8';
import vm from 'node:vm';
import { Actor } from 'xstate';

v8.setFlagsFromString('--expose-gc');
const gc = vm.runInNewContext('gc');
const timer = setTimeout(() => {}, 0);
const Timeout = timer.constructor;
clearTimeout(timer);
const realNow = Date.now;
let stepMs = 0;
Date.now = () => realNow() + stepMs;

process.on('message', async message => {
  if (typeof message.stepMs === 'number') {
    stepMs += message.stepMs;
    process.send({});
    return;
  }
  for (let round = 0; round < 4; round++) {
    gc();
    await new Promise(resolve => setImmediate(resolve));
  }
  const resources = {};
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
  const { heapUsed, external } = process.memoryUsage();
  process.send({
    heapBytes: heapUsed + external,
    actors: v8.queryObjects(Actor, { format: 'count' }),
    // A spent one that something still points to is no timer any more.
    timers: v8.queryObjects(Timeout, { format: 'summary' }).filter(text => text.includes('_destroyed: false'))
      .length,
    resources,
  });
});
// Being asked must not keep the process alive.
process.channel.unref();
