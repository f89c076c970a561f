// Prometheus' answers as data frames, in the shapes that Grafana's own data source gives them.
import { type DataFrame, type Field, FieldType } from '@grafana/data';
import type { Panel, Series, Target } from './scene';

export function framesOf(panel: Panel): DataFrame[] {
  const shown = panel.targets.filter((target) => !target.hide);
  const tables = shown.filter((target) => target.format === 'table').length;
  return shown.flatMap((target) => {
    switch (target.format) {
      case 'table':
        return [table(target, tables > 1 ? `Value #${target.refId}` : 'Value')];
      case 'heatmap':
        return buckets(target);
      default:
        return target.result.map((series) => line(series, target));
    }
  });
}

function line(series: Series, target: Target): DataFrame {
  const points = pointsOf(series);
  const name = legend(series, target);
  return {
    refId: target.refId,
    name,
    length: points.length,
    fields: [time(points, target), number('Value', points.map(value), series.metric, name)],
  };
}

// A step without a point is a gap: the interval says how far apart points are.
function time(points: Array<[number, string]>, target: Target): Field {
  const values = points.map(([seconds]) => seconds * 1000);
  return { name: 'Time', type: FieldType.time, config: { interval: target.step * 1000 }, values };
}

function number(name: string, values: number[], labels?: Record<string, string>, legend?: string): Field {
  return { name, type: FieldType.number, config: { displayNameFromDS: legend }, values, labels };
}

function table(target: Target, valueName: string): DataFrame {
  if (!target.result.length) {
    return { refId: target.refId, length: 0, fields: [] };
  }
  const names = [...new Set(target.result.flatMap((series) => Object.keys(series.metric)))].sort();
  const rows = target.result.flatMap((series) => pointsOf(series).map((point) => ({ series, point })));
  return {
    refId: target.refId,
    length: rows.length,
    fields: [
      { name: 'Time', type: FieldType.time, config: {}, values: rows.map((row) => row.point[0] * 1000) },
      ...names.map((name) => ({
        name,
        type: FieldType.string,
        config: { filterable: true },
        values: rows.map((row) => row.series.metric[name] ?? ''),
      })),
      number(valueName, rows.map((row) => value(row.point))),
    ],
  };
}

// Buckets are cumulated; each becomes what lies between its bound and the one below.
function buckets(target: Target): DataFrame[] {
  const bound = (series: Series) => (series.metric.le === '+Inf' ? Infinity : Number(series.metric.le));
  const ordered = [...target.result].sort((a, b) => bound(a) - bound(b));
  const below = new Map<number, number>();
  return ordered.map((series) => {
    const points = pointsOf(series);
    const values = points.map((point) => {
      const inside = Math.max(0, value(point) - (below.get(point[0]) ?? 0));
      below.set(point[0], value(point));
      return inside;
    });
    const name = series.metric.le;
    return {
      refId: target.refId,
      name,
      length: points.length,
      fields: [time(points, target), number(name, values, series.metric, name)],
    };
  });
}

function pointsOf(series: Series): Array<[number, string]> {
  return series.values ?? (series.value ? [series.value] : []);
}

function value([, text]: [number, string]): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}

function legend({ metric }: Series, target: Target): string {
  if (target.legendFormat !== '__auto') {
    return target.legendFormat.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, name: string) => metric[name] ?? '');
  }
  const { __name__: name = '', ...labels } = metric;
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
  return pairs.length || name ? `${name}${pairs.length ? `{${pairs.join(', ')}}` : ''}` : target.expr;
}
