// One panel: Grafana's frame around the visualization that its type names.
import { type DataFrame, type FieldConfigSource, type TimeRange, dateTime } from '@grafana/data';
import { Icon, PanelChrome, useTheme2 } from '@grafana/ui';
import type { ComponentType } from 'react';
import type { Prepared } from './data';
import type { Annotation, Panel, Scene } from './scene';
import { BarChart } from './visuals/BarChart';
import { BarGauges } from './visuals/BarGauges';
import { Heatmap } from './visuals/Heatmap';
import { Lines } from './visuals/Lines';
import { Stats } from './visuals/Stats';
import { StateTimeline } from './visuals/StateTimeline';
import { Sheet } from './visuals/Sheet';

export interface VisualProps {
  panel: Panel;
  frames: DataFrame[];
  source: FieldConfigSource;
  timeRange: TimeRange;
  annotations: Annotation[];
  width: number;
  height: number;
}

const VISUALS: Record<string, ComponentType<VisualProps>> = {
  barchart: BarChart,
  bargauge: BarGauges,
  heatmap: Heatmap,
  stat: Stats,
  'state-timeline': StateTimeline,
  table: Sheet,
  timeseries: Lines,
};

interface Props {
  panel: Panel;
  prepared: Prepared;
  scene: Scene;
  width: number;
  height: number;
}

export function PanelView({ panel, prepared, scene, width, height }: Props) {
  if (panel.type === 'row') {
    return <Row title={panel.title ?? ''} />;
  }
  const Visual = VISUALS[panel.type];
  if (!Visual) {
    throw new Error(`panel "${panel.title}": type ${panel.type} is not drawn here`);
  }
  const from = dateTime(scene.start);
  const to = dateTime(scene.end);
  const timeRange = { from, to, raw: { from, to } };
  return (
    <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
      {(innerWidth, innerHeight) => (
        <Visual
          panel={panel}
          {...prepared}
          timeRange={timeRange}
          annotations={scene.annotations}
          width={innerWidth}
          height={innerHeight}
        />
      )}
    </PanelChrome>
  );
}

function Row({ title }: { title: string }) {
  const { typography } = useTheme2();
  return (
    <div style={{ ...typography.h6, margin: 0, display: 'flex', alignItems: 'center', gap: 8, height: 30 }}>
      <Icon name="angle-down" />
      {title}
    </div>
  );
}

// What stands in place of a chart without a series.
export function Nothing({ panel, width, height }: VisualProps) {
  const { colors } = useTheme2();
  const text = panel.fieldConfig?.defaults?.noValue ?? 'No data';
  const centred = { display: 'flex', alignItems: 'center', justifyContent: 'center', color: colors.text.secondary };
  return <div style={{ ...centred, width, height }}>{text}</div>;
}
