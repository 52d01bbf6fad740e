// Loaded before the suite (`node --import`), which cannot send headers of our own: adds the token to every request to one
// origin. Undici, under `fetch` as well as alone, announces each request here before it writes it, so that the suite's own
// headers, Host and Origin among them, go out as the scenario wants them.
import diagnosticsChannel from 'node:diagnostics_channel';

const { CONFORMANCE_ORIGIN: origin, CONFORMANCE_TOKEN: token } = process.env;

diagnosticsChannel.subscribe('undici:request:create', ({ request }) => {
  if (String(request.origin) === origin) request.addHeader('authorization', `Bearer ${token}`);
});
