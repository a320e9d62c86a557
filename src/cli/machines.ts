import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { Argument, Option } from 'commander';
import { mermaid } from '../../machines/chart.ts';
import type { ChartLayout } from '../../machines/chart-layout.ts';
import { chartOf } from '../../machines/chart-model.ts';
import { CONTRACT_DEPTH } from '../../machines/chart-styles.ts';
import { chartSvg } from '../../machines/chart-svg.ts';
import { recordersMachine } from '../../machines/recorders.ts';
import { sessionMachine } from '../../machines/session.ts';

const MACHINES = { session: sessionMachine, recorders: recordersMachine } as const;
type MachineName = keyof typeof MACHINES;
type Format = 'json' | 'mermaid' | 'svg';

/** `kubewitness machines`: the state machines as they run, for people and for tools. */
export function addMachinesCommand(program: Command): void {
  program
    .command('machines')
    .description('print a state machine as it is defined')
    .addArgument(new Argument('[name]', 'which').choices(Object.keys(MACHINES)).default('session'))
    .addOption(new Option('--format <format>', 'how').choices(['json', 'mermaid', 'svg']).default('mermaid'))
    .action((name: MachineName, { format }: { format: Format }) => {
      process.stdout.write(drawn(name, format));
    });
}

function drawn(name: MachineName, format: Format): string {
  const machine = MACHINES[name];
  if (format === 'mermaid') return mermaid(machine);
  if (format === 'svg') return chartSvg(layoutOf(name), `The ${name} machine of kubewitness`);
  return `${JSON.stringify({ machine: name, ...chartOf(machine, CONTRACT_DEPTH) }, null, 2)}\n`;
}

/** The build has laid the charts out, since the engine that does it is no part of the program. */
function layoutOf(name: MachineName): ChartLayout {
  const file = new URL('../../live/charts.json', import.meta.url);
  // Written by the same build, from this very type.
  const layouts = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<MachineName, ChartLayout>>;
  return layouts[name];
}
