import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const timeMessage = 'Time and chance are parameters: take a Clock or a Random (src/shared/base).';

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', 'out/', '.cache/', 'test-results/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: [
          'src/shared/tsconfig.json',
          'src/endpoint/tsconfig.json',
          'src/bridge/tsconfig.json',
          'src/engine/tsconfig.json',
          'src/extension/tsconfig.json',
          'src/webview/tsconfig.json',
          'test/tsconfig.json',
          'test/editor/tsconfig.json',
        ],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      // Index signatures are read with brackets because the compiler demands it (noPropertyAccessFromIndexSignature).
      '@typescript-eslint/dot-notation': 'off',
      // Zod-parsed unions and protocol fields are clearer with an explicit comparison.
      '@typescript-eslint/no-unnecessary-boolean-literal-compare': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 5],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/shared/base/clock.ts', 'src/shared/base/random.ts', 'src/**/*.test.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'setTimeout', message: timeMessage },
        { name: 'setInterval', message: timeMessage },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: timeMessage },
        { object: 'Math', property: 'random', message: timeMessage },
        { object: 'performance', property: 'now', message: timeMessage },
      ],
    },
  },
  {
    files: ['src/shared/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: ['node:*', 'vscode', '**/engine/**', '**/extension/**', '**/bridge/**'] },
      ],
    },
  },
  {
    files: ['src/endpoint/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: ['vscode', 'zod*', '**/engine/**', '**/extension/**', '**/bridge/**'] },
      ],
    },
  },
  {
    files: ['src/bridge/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: ['vscode', 'zod*', '**/engine/**', '**/extension/**'] }],
    },
  },
  {
    files: ['src/engine/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: ['vscode', '**/extension/**', '**/bridge/**'] }],
    },
  },
  {
    files: ['src/extension/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: ['**/engine/**', '**/bridge/**', '../../webview/**'] }],
    },
  },
  {
    files: ['src/webview/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            'node:*',
            'vscode',
            'zod*',
            '**/engine/**',
            '**/extension/**',
            '**/bridge/**',
            '**/endpoint/**',
          ],
        },
      ],
      // Data from servers reaches the page as text, never as markup.
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'Text goes in as textContent.' },
        { property: 'outerHTML', message: 'Text goes in as textContent.' },
        { property: 'insertAdjacentHTML', message: 'Text goes in as textContent.' },
        { object: 'Date', property: 'now', message: timeMessage },
        { object: 'Math', property: 'random', message: timeMessage },
        { object: 'performance', property: 'now', message: timeMessage },
      ],
    },
  },
  {
    files: ['**/*.test.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'MemberExpression[property.name=/^(only|skip)$/][object.name=/^(it|describe|suite|test)$/]',
          message: 'No focused or skipped tests.',
        },
      ],
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        fetch: 'readonly',
        AbortController: 'readonly',
        AbortSignal: 'readonly',
        Buffer: 'readonly',
        performance: 'readonly',
        URLSearchParams: 'readonly',
      },
    },
  },
);
