import tseslint from 'typescript-eslint'
import importX from 'eslint-plugin-import-x'

// Folders in the order in which data flows: a folder may import only from itself and from those before it.
const order = [
  'records',
  'llama',
  'cache',
  'eviction',
  'models',
  'predictor',
  'calibration',
  'engine',
  'jobs',
  'evaluation',
  'traces',
  'analysis',
  'report',
  'training',
  'queue',
  'server',
  'cli',
]
const zones = order.slice(0, -1).map((folder, i) => ({
  target: `./src/${folder}`,
  from: order.slice(i + 1).map((later) => `./src/${later}`),
  message: `src/${folder} may import only from: ${order.slice(0, i).join(', ') || 'itself'}`,
}))

export default tseslint.config(
  {
    ignores: [
      'dist',
      'docs/api',
      'node_modules',
      'models',
      'coverage',
      'bench/dist',
      'bench/node_modules',
      'bench/.models',
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['*.js', 'bin/*.js'] } } },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver': { node: { extensions: ['.ts', '.js'] } } },
    rules: {
      'import-x/no-cycle': 'error',
      'import-x/no-restricted-paths': ['error', { zones }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  {
    files: ['src/**/*.ts', 'bench/**/*.ts'],
    ignores: ['src/llama/**'],
    rules: {
      'no-restricted-imports': ['error', { paths: [{ name: 'koffi', message: 'Only src/llama/ knows native code.' }] }],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/{cli,server,report}/**', 'src/option-names.ts', '**/*.test.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...['Literal[value', 'TemplateElement[value.raw'].map((text) => ({
          selector: `${text}=/^(?!.*(dynts|npm) ).*(^|[\\s(])--[a-z]/s]`,
          message:
            'Messages of the library name options as it spells them: `localWindow`, `gpu: off` (src/option-names.ts).',
        })),
      ],
    },
  },
  // Its resolver knows no Svelte.
  { files: ['web/**/*.ts'], rules: { 'import-x/no-cycle': 'off' } },
  // It is called `node`, and takes what is imported from `vitest/node` for itself.
  { files: ['vitest.config.ts'], rules: { 'import-x/no-cycle': 'off' } },
  { files: ['**/*.test.ts', '**/*.contract.ts'], rules: { '@typescript-eslint/no-non-null-assertion': 'off' } },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
)
