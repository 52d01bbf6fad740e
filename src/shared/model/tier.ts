/** How much depends on a server (requirements R5.4): the order in which servers are started. Most important first. */
export const tiers = ['critical', 'high', 'medium'] as const;

export type Tier = (typeof tiers)[number];

/** Lower goes first. */
export function tierOrder(tier: Tier): number {
  return tiers.indexOf(tier);
}
