/**
 * Takes the place of VS Code's native log writer `@vscode/spdlog` in an editor that was installed without install
 * scripts. Without any writer VS Code runs, but every log channel of it, ours too, stays empty: the channel shows a file
 * that nobody writes. Same interface as the original's `index.js`; no more of it than VS Code uses.
 *
 * Lines are written at once and synchronously: a log is read when something died.
 */
'use strict';

const { Buffer } = require('node:buffer');
const fs = require('node:fs');
const path = require('node:path');

const levels = ['trace', 'debug', 'info', 'warning', 'error', 'critical'];

/** As the original's pattern `%Y-%m-%d %H:%M:%S.%e`: local time. */
function timestamp(date = new Date()) {
  const two = (/** @type {number} */ number) => String(number).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function sizeOf(/** @type {string} */ file) {
  try {
    return fs.statSync(file).size;
  } catch {
    return 0; // It is not there yet.
  }
}

class Logger {
  #file;
  #maxSize;
  #size;
  #level = levels.indexOf('info');
  #isRaw = false;

  /**
   * Two files are kept, the current and the one before, whatever number is asked for.
   * @param {string} _type
   * @param {string} _name
   * @param {string} file
   * @param {number} maxSize bytes of one file
   */
  constructor(_type, _name, file, maxSize) {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    this.#file = file;
    this.#maxSize = maxSize;
    this.#size = sizeOf(file);
    fs.appendFileSync(file, ''); // A channel waits for its file.
  }

  trace(/** @type {string} */ message) {
    this.#write('trace', message);
  }
  debug(/** @type {string} */ message) {
    this.#write('debug', message);
  }
  info(/** @type {string} */ message) {
    this.#write('info', message);
  }
  warn(/** @type {string} */ message) {
    this.#write('warning', message);
  }
  error(/** @type {string} */ message) {
    this.#write('error', message);
  }
  critical(/** @type {string} */ message) {
    this.#write('critical', message);
  }

  getLevel() {
    return this.#level;
  }
  /** @param {number} level one above the last of `levels` is "off" */
  setLevel(level) {
    this.#level = level;
  }

  /** VS Code asks for one pattern only, the one that is written here. */
  setPattern() {
    this.#isRaw = false;
  }
  /** From now on messages are written as they are, without a line end of ours. */
  clearFormatters() {
    this.#isRaw = true;
  }

  flush() {}
  drop() {}

  #write(/** @type {string} */ level, /** @type {string} */ message) {
    if (levels.indexOf(level) < this.#level) return;
    const bytes = Buffer.from(this.#isRaw ? message : `${timestamp()} [${level}] ${message}\n`);
    try {
      if (this.#size > 0 && this.#size + bytes.length > this.#maxSize) this.#rotate();
      fs.appendFileSync(this.#file, bytes);
      this.#size += bytes.length;
    } catch {
      // A full disk or a folder that was removed must not stop the editor; there is nowhere left to say so.
    }
  }

  /** `name.log` becomes `name.1.log`, in the place of the earlier one. */
  #rotate() {
    const { dir, name, ext } = path.parse(this.#file);
    fs.renameSync(this.#file, path.join(dir, `${name}.1${ext}`));
    this.#size = 0;
  }
}

async function createRotatingLogger(...args) {
  return new Logger('rotating', ...args);
}

// One by one: VS Code imports this from an ES module, and Node finds the names of other forms only in part.
exports.version = 0;
exports.Logger = Logger;
exports.setLevel = () => undefined;
exports.setFlushOn = () => undefined;
exports.createRotatingLogger = createRotatingLogger;
exports.createAsyncRotatingLogger = createRotatingLogger;
