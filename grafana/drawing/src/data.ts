// From answers to what a panel draws: frames, transformed, with the panel's field options applied.
import {
  type DataFrame,
  type FieldConfigSource,
  type GrafanaTheme2,
  applyFieldOverrides,
  transformDataFrame,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';
import { registryOf } from './fields';
import { framesOf } from './frames';
import type { Panel } from './scene';

// What Grafana's time series panel takes where a dashboard is silent.
const LINES = {
  drawStyle: 'line',
  lineInterpolation: 'linear',
  lineWidth: 1,
  lineStyle: { fill: 'solid' },
  fillOpacity: 0,
  gradientMode: 'none',
  barAlignment: 0,
  barWidthFactor: 0.6,
  barMaxWidth: 200,
  pointSize: 5,
  showPoints: 'auto',
  spanNulls: false,
  insertNulls: false,
  axisPlacement: 'auto',
  axisLabel: '',
  axisColorMode: 'text',
  axisCenteredZero: false,
  scaleDistribution: { type: 'linear' },
  stacking: { mode: 'none', group: 'A' },
  thresholdsStyle: { mode: 'off' },
  hideFrom: { legend: false, tooltip: false, viz: false },
};

export interface Prepared {
  frames: DataFrame[];
  source: FieldConfigSource;
}

export async function prepare(panel: Panel, theme: GrafanaTheme2): Promise<Prepared> {
  const source = complete(panel);
  const transformed = await lastValueFrom(transformDataFrame(panel.transformations ?? [], framesOf(panel)));
  const frames = applyFieldOverrides({
    data: transformed,
    fieldConfig: source,
    fieldConfigRegistry: registryOf(source),
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
  return { frames, source };
}

function complete(panel: Panel): FieldConfigSource {
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};
  const standard = panel.type === 'timeseries' ? LINES : {};
  return { defaults: { ...defaults, custom: { ...standard, ...defaults.custom } }, overrides };
}
