import type { AlertRuleId, AlertSettings } from '../../../shared/settings/alertSettings.ts';

export const severities = ['warning', 'error'] as const;
export type AlertSeverity = (typeof severities)[number];

/**
 * A rule as data, in the terms of Prometheus' alerting rules and Alertmanager: raised when its measure is beyond `threshold` for `forMs`, resolved when it is
 * within `clearsAt` again; between the two it stays as it is (hysteresis, as of a Schmitt trigger). A measure that says nothing changes nothing.
 */
export interface AlertRule {
  readonly id: AlertRuleId;
  readonly severity: AlertSeverity;
  /** `above`: raised when the measure is greater than the threshold; `below`: when it is smaller. The threshold itself raises nothing. */
  readonly raisedWhen: 'above' | 'below';
  readonly threshold: number;
  readonly clearsAt: number;
  /** How long the measure must be beyond its threshold; until then the alert is pending, and nobody is told. */
  readonly forMs: number;
  /** What is counted is counted in so much time. */
  readonly windowMs?: number;
  /** Below so many a share says nothing. */
  readonly minimumCalls?: number;
  /** While one of these fires for the same server nobody is told of this one: it is a consequence. */
  readonly inhibitedBy: readonly AlertRuleId[];
  /** Of any server; and what began as a consequence stays one until it is over: a share of the past is low for long after all is well. */
  readonly isAftermathOf?: readonly AlertRuleId[];
}

/** A count, or a share, must fall to this part of its threshold before its alert is over. */
const CLEARING_SHARE = 0.5;
/** Φ must rise by this much over its threshold. */
const CLEARING_MARGIN = 0.01;

/** Something that is the case (1) or not (0). */
const isTheCase = { raisedWhen: 'above', threshold: 0.5, clearsAt: 0, forMs: 0, inhibitedBy: [] } as const;

/** The rules of a server, or of the engine; those that are switched off are left out. */
export function rulesOf(settings: AlertSettings): readonly AlertRule[] {
  const { brokenPipes, breakerOpen, retryRate, continuity } = settings;
  const rules: readonly AlertRule[] = [
    { ...isTheCase, id: 'crashLoop', severity: 'error' },
    { ...isTheCase, id: 'needsSignIn', severity: 'warning' },
    {
      ...isTheCase,
      id: 'breakerOpen',
      severity: 'warning',
      forMs: breakerOpen.for * 1_000,
      inhibitedBy: ['crashLoop', 'needsSignIn'],
    },
    {
      id: 'brokenPipes',
      severity: 'warning',
      raisedWhen: 'above',
      threshold: brokenPipes.threshold,
      clearsAt: brokenPipes.threshold * CLEARING_SHARE,
      forMs: 0,
      windowMs: brokenPipes.window * 1_000,
      inhibitedBy: ['crashLoop'],
    },
    {
      id: 'retryRate',
      severity: 'warning',
      raisedWhen: 'above',
      threshold: retryRate.threshold,
      clearsAt: retryRate.threshold * CLEARING_SHARE,
      forMs: 0,
      windowMs: retryRate.window * 1_000,
      minimumCalls: retryRate.minimumCalls,
      inhibitedBy: ['crashLoop', 'needsSignIn', 'breakerOpen', 'brokenPipes'],
    },
    { ...isTheCase, id: 'watchedValue', severity: 'warning' },
    {
      id: 'continuity',
      severity: 'warning',
      raisedWhen: 'below',
      threshold: continuity.threshold,
      clearsAt: Math.min(1, continuity.threshold + CLEARING_MARGIN),
      forMs: continuity.for * 1_000,
      inhibitedBy: [],
      isAftermathOf: ['crashLoop', 'needsSignIn', 'breakerOpen', 'brokenPipes'],
    },
    { ...isTheCase, id: 'auditTrail', severity: 'warning' },
    { ...isTheCase, id: 'journal', severity: 'warning' },
  ];
  return rules.filter(({ id }) => settings[id].enabled);
}
