/**
 * To be imported before uPlot, which asks for number formats of the browser's language as soon as it is loaded, and fails with what is none
 * ("en-US@posix", where a system has no other). Its formats are not used: the page writes its own figures.
 */
try {
  Intl.getCanonicalLocales(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en' });
}
