// The time series panel, with annotations as dashed lines over it.
import { DashboardCursorSync, EventBusSrv } from '@grafana/data';
import { PanelContextProvider, SeriesVisibilityChangeMode, TimeSeries, type UPlotConfigBuilder, useTheme2 } from '@grafana/ui';
import { useLayoutEffect } from 'react';
import { Nothing, type VisualProps } from '../PanelView';
import { events } from '../annotations';
import type { Annotation } from '../scene';

const context = {
  eventsScope: 'drawing',
  eventBus: new EventBusSrv(),
  sync: () => DashboardCursorSync.Off,
  onToggleSeriesVisibility: (_: unknown, __: SeriesVisibilityChangeMode) => {},
};

export function Lines(props: VisualProps) {
  const { panel, frames, timeRange, annotations, width, height } = props;
  if (!frames.some((frame) => frame.length)) {
    return <Nothing {...props} />;
  }
  return (
    <PanelContextProvider value={context}>
      <TimeSeries
        frames={frames}
        timeRange={timeRange}
        timeZone="utc"
        width={width}
        height={height}
        legend={panel.options.legend}
        options={panel.options}
      >
        {(config) => <Marks config={config} annotations={annotations} />}
      </TimeSeries>
    </PanelContextProvider>
  );
}

function Marks({ config, annotations }: { config: UPlotConfigBuilder; annotations: Annotation[] }) {
  const theme = useTheme2();
  useLayoutEffect(() => {
    config.addHook('draw', (plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height + 6 * devicePixelRatio);
      ctx.clip();
      for (const event of events(annotations)) {
        const at = plot.valToPos(event.start, 'x', true);
        const end = plot.valToPos(event.end, 'x', true);
        const color = theme.visualization.getColorByName(event.color);
        ctx.strokeStyle = color;
        ctx.fillStyle = color;
        ctx.setLineDash([5, 5]);
        ctx.lineWidth = devicePixelRatio;
        ctx.beginPath();
        ctx.moveTo(at, bbox.top);
        ctx.lineTo(at, bbox.top + bbox.height);
        ctx.stroke();
        ctx.fillRect(at - 2, bbox.top + bbox.height, Math.max(4, end - at), 4 * devicePixelRatio);
        ctx.globalAlpha = 0.1;
        ctx.fillRect(at, bbox.top, end - at, bbox.height);
        ctx.globalAlpha = 1;
      }
      ctx.restore();
    });
  }, [config, annotations, theme]);
  return null;
}
