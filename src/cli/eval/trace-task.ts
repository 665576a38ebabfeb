/** The kept traces of a file as a task of `dynts eval`: nothing is sampled, they are replayed under each policy. */
import { basename } from 'node:path'
import { fingerprint, type LocatedModel } from '../../engine/locate-model.ts'
import { findTask } from '../../evaluation/tasks/registry.ts'
import { loadedTask, tokensName, type Task, type TaskItem } from '../../evaluation/tasks/task.ts'
import { keptTraces, refuseOtherTemplate } from '../../traces/kept-traces.ts'
import type { KeptTrace } from '../../traces/trace-record.ts'

export const traceTaskName = 'traces'

/** @param path of a trace file of this model */
export function traceTask(path: string, { info, template }: Pick<LocatedModel, 'info' | 'template'>): Task {
  return {
    name: traceTaskName,
    // Each trace is replayed once, and nothing is drawn.
    published: (model) => ({ ...findTask('file').published(model), samples: 1 }),
    load: ({ limit = Infinity }) => {
      const items: TaskItem[] = []
      for (const trace of keptTraces(path, fingerprint(info))) {
        if (items.length >= limit) break
        refuseOtherTemplate(path, trace, template)
        items.push(itemOf(trace, items.length))
      }
      return Promise.resolve(loadedTask(traceTaskName, basename(path), items))
    },
  }
}

function itemOf({ id, expected, tokens, promptTokens, answerStart }: KeptTrace, index: number): TaskItem {
  const prompt = tokens.slice(0, promptTokens)
  const continuation = tokens.slice(promptTokens)
  return {
    ...{ id, index, kind: 'math', expected: expected ?? '' },
    prompt: tokensName([prompt, continuation]),
    trace: { promptTokens: prompt, tokens: continuation, answerFrom: answerStart - promptTokens },
  }
}
