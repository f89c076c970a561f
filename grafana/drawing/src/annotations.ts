// Answers to an annotation's query as events: a run of steps with a value is one.
import type { Annotation } from './scene';

export interface Event {
  name: string;
  color: string;
  start: number;
  end: number;
}

export function events(annotations: Annotation[]): Event[] {
  return annotations
    .filter(({ enable }) => enable)
    .flatMap(({ name, iconColor: color, step, result }) =>
      result.flatMap((series) => {
        const found: Event[] = [];
        for (const [seconds, text] of series.values ?? []) {
          const time = seconds * 1000;
          const last = found.at(-1);
          if (!Number(text)) {
            continue;
          }
          if (last && time - last.end <= step * 1000) {
            last.end = time;
          } else {
            found.push({ name, color, start: time, end: time });
          }
        }
        return found;
      })
    );
}
