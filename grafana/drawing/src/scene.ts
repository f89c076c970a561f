// What grafana/proof/scene.py hands over: a dashboard with its variables in place, and what Prometheus answered.
import type { DataTransformerConfig, FieldConfigSource } from '@grafana/data';

export interface Series {
  metric: Record<string, string>;
  value?: [number, string];
  values?: Array<[number, string]>;
}

export interface Target {
  refId: string;
  expr: string;
  legendFormat: string;
  format?: 'time_series' | 'table' | 'heatmap';
  hide?: boolean;
  moment: boolean;
  step: number;
  result: Series[];
}

export interface Panel {
  id: number;
  type: string;
  title?: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  options: any;
  fieldConfig: FieldConfigSource<any>;
  transformations?: DataTransformerConfig[];
  targets: Target[];
}

export interface Annotation {
  name: string;
  iconColor: string;
  enable: boolean;
  step: number;
  result: Series[];
}

export interface Scene {
  name: string;
  title: string;
  links: string[];
  variables: Array<{ name: string; label: string; text: string }>;
  start: number;
  end: number;
  panels: Panel[];
  annotations: Annotation[];
}
