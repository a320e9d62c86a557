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

// V8 compiles, and learns the shapes of objects, for as long as there is something new: that is no data of the program's.
const NO_DATA = new Set(['code', 'hidden', 'object shape']);

async function dataBytes() {
  let json = '';
  for await (const piece of v8.getHeapSnapshot()) json += piece;
  const { snapshot, nodes } = JSON.parse(json);
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const size = fields.indexOf('self_size');
  let bytes = 0;
  for (let at = 0; at < nodes.length; at += fields.length) {
    if (!NO_DATA.has(types[0][nodes[at]])) bytes += nodes[at + size];
  }
  return bytes;
}

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
  process.send({
    heapBytes: await dataBytes(),
    actors: v8.queryObjects(Actor, { format: 'count' }),
    // A spent one that something still points to is no timer any more.
    timers: v8.queryObjects(Timeout, { format: 'summary' }).filter(text => text.includes('_destroyed: false'))
      .length,
    resources,
  });
});
// Being asked must not keep the process alive.
process.channel.unref();
