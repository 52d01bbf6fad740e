import packageJson from '../../package.json' with { type: 'json' };
import { lifelineHome } from '../endpoint/location.ts';
import { systemClock } from '../shared/base/clock.ts';
import { keepCompiledCode } from './cli/compiledCode.ts';

/**
 * The entry of the program. Everything else is in a bundle of its own (`dist/program.cjs`), so that what was compiled at an earlier start
 * can be used for it.
 */
const args = process.argv.slice(2);
if (['engine', 'serve', '--window'].includes(args[0] ?? ''))
  keepCompiledCode(lifelineHome(), packageJson.version, systemClock);
void import('./cli/commands.ts').then(({ runCommand }) => runCommand(args));
