import elk from 'elkjs/lib/elk.bundled.js';
import type { LayoutEngine } from '../../machines/chart-layout.ts';

/** The engine that the build lays charts out with. */
export function layoutEngine(): LayoutEngine {
  return new elk.default();
}
