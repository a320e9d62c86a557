import type { ComponentChild } from 'preact';
import { duration } from './format.ts';
import { Icon } from './icon.tsx';
import { stateLook } from './look.ts';
import type { Stay } from './timeline.ts';

/** Each transition: when, by which event, where to, and for how long. */
export function StepTable(props: {
  stays: readonly Stay[];
  current: number;
  ended: boolean;
  chosen: (ms: number) => void;
}) {
  const { stays, current, ended, chosen } = props;
  return (
    <table class="steps">
      <thead>
        <tr>
          <th scope="col" class="number">
            At
          </th>
          <th scope="col">State, and the event that led there</th>
          <th scope="col" class="number">
            Stayed
          </th>
        </tr>
      </thead>
      <tbody>
        {stays.map(({ state, event, at, fromMs, toMs }, index) => (
          <tr key={index} class={index === current ? 'current' : undefined}>
            <td class="number">
              <button type="button" title={at} onClick={() => chosen(fromMs)}>
                {duration(fromMs)}
              </button>
            </td>
            <td class={`tone-${stateLook(state).tone}`}>
              <Icon name={stateLook(state).icon} /> {breakable(state)}
              <code class="dim under">{breakable(event)}</code>
            </td>
            <td class="number">{ended && index === stays.length - 1 ? '' : duration(toMs - fromMs)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A dotted name may be broken after its dots. */
function breakable(name: string): ComponentChild[] {
  return name.split(/(?<=\.)/).flatMap((part, at) => (at === 0 ? [part] : [<wbr key={at} />, part]));
}
