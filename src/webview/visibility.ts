/** How far beyond what a person sees something counts as seen: it is ready when it is scrolled to. */
const MARGIN = '200px';

const listeners = new WeakMap<Element, (isVisible: boolean) => void>();
/** One for all. */
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) listeners.get(target)?.(isIntersecting);
  },
  { rootMargin: MARGIN },
);

/** Tells whether a person can see an element: soon after this, and when it changes. */
export function watchVisibility(element: Element, listener: (isVisible: boolean) => void): void {
  listeners.set(element, listener);
  observer.observe(element);
}

export function forgetVisibility(element: Element): void {
  listeners.delete(element);
  observer.unobserve(element);
}
