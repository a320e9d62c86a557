import { layouts } from 'virtual:session-chart';
import type { ChartLayout } from '../../../machines/chart-layout.ts';

/** The session machine's chart in the two sizes that the build has laid out. The cast is its word: it made the module. */
export const chartLayouts = layouts as { readonly wide: ChartLayout; readonly narrow: ChartLayout };
