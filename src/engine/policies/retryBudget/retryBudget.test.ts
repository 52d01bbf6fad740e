import assert from 'node:assert/strict';
import { RetryBudget } from './retryBudget.ts';

const fail = (budget: RetryBudget, times: number): void => {
  for (let n = 0; n < times; n += 1) budget.noteFailure(budget.known);
};
const isRefused = (budget: RetryBudget): boolean => budget.take(true) === undefined;

describe('retry budget', () => {
  it('R2.7 stops retries when half of the tokens is gone, and allows them again as answers come', () => {
    const budget = new RetryBudget();
    fail(budget, 4);
    assert.equal(isRefused(budget), false);
    fail(budget, 1);
    assert.equal(isRefused(budget), true);
    budget.noteSuccess();
    assert.equal(isRefused(budget), false);
    fail(budget, 100);
    for (let n = 0; n < 50; n += 1) budget.noteSuccess();
    assert.equal(isRefused(budget), true);
    for (let n = 0; n < 1_000; n += 1) budget.noteSuccess();
    assert.ok(budget.tokens === 10 && !isRefused(budget));
  });

  it('R2.5 takes what befalls many calls at once as one failure', () => {
    const budget = new RetryBudget();
    const { known } = budget;
    for (let call = 0; call < 100; call += 1) budget.noteFailure(known);
    assert.equal(budget.tokens, 9);
    // One that began before the last failure and ends later belongs to what befell the others.
    budget.noteFailure(budget.known);
    budget.noteFailure(known);
    assert.equal(budget.tokens, 8);
  });

  it('R2.7 gives a server that refuses ten retries at a time, or a fifth of its calls', () => {
    const budget = new RetryBudget();
    const taken = (count: number): number => {
      const places = Array.from({ length: count }, () => budget.take(false));
      for (const place of places) place?.release();
      for (const place of places) place?.release();
      return places.filter((place) => place !== undefined).length;
    };
    assert.equal(taken(50), 10);
    for (let call = 0; call < 100; call += 1) budget.enter();
    assert.equal(taken(50), 20);
    for (let call = 0; call < 100; call += 1) budget.leave();
    assert.equal(taken(50), 10);
  });

  it('is full again when a person asks for a fresh start', () => {
    const budget = new RetryBudget();
    fail(budget, 50);
    budget.reset();
    assert.equal(budget.tokens, 10);
  });
});
