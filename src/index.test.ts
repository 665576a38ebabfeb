/**
 * The public surface is whole: whatever type a public signature names can be imported by name.
 */
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

/** What is public for this package's own sake only. */
const internal = ['EngineThread', 'LoadReply', 'Bindings', 'Pointer', 'Backend', 'WriteLock', 'AnswerGrader']

test('every type that a public signature names is exported', { timeout: 120_000 }, () => {
  const path = fileURLToPath(new URL('index.ts', import.meta.url))
  const folder = path.slice(0, -'index.ts'.length)
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    noEmit: true,
    strict: true,
    skipLibCheck: true,
  }
  const program = ts.createProgram([path], options)
  const checker = program.getTypeChecker()
  const resolved = (symbol: ts.Symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  const exports = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(path)!)!).map(resolved)
  expect(exports.length).toBeGreaterThan(50)
  const missing = new Set<string>()
  const visit = (node: ts.Node): void => {
    const isPrivate = 'name' in node && ts.isPrivateIdentifier(node.name as ts.Node)
    if (ts.isBlock(node) || isPrivate) return
    if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node)) {
      const name = ts.isTypeReferenceNode(node) ? node.typeName : node.expression
      const found = checker.getSymbolAtLocation(name)
      const symbol = found && resolved(found)
      const isOurs = symbol?.declarations?.[0]?.getSourceFile().fileName.startsWith(folder) === true
      const isParameter = symbol !== undefined && (symbol.flags & ts.SymbolFlags.TypeParameter) !== 0
      if (symbol && isOurs && !isParameter && !exports.includes(symbol)) missing.add(symbol.name)
    }
    if ((ts.isPropertyDeclaration(node) || ts.isVariableDeclaration(node)) && node.initializer) {
      if (node.type) visit(node.type)
      return
    }
    ts.forEachChild(node, visit)
  }
  for (const symbol of exports) for (const declaration of symbol.declarations ?? []) visit(declaration)
  expect([...missing].filter((name) => !internal.includes(name))).toEqual([])
})
