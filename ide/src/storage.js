const BOTH = [sessionStorage, localStorage]

/**
 * What GraphiQL keeps: a browser tab reads again what it wrote itself, and a new one goes on from what any wrote last.
 * In one storage for all, a reload would bring the operations and ids of another tab's run.
 */
export const ownFirst = {
  getItem: name => sessionStorage.getItem(name) ?? localStorage.getItem(name),
  setItem: (name, value) => BOTH.forEach(storage => storage.setItem(name, value)),
  removeItem: name => BOTH.forEach(storage => storage.removeItem(name)),
  clear: () => Object.keys({ ...sessionStorage, ...localStorage }).filter(isGraphiQLs).forEach(ownFirst.removeItem),
  get length() {
    return sessionStorage.length
  },
}

const isGraphiQLs = name => name.startsWith('graphiql:')
